"""The error of this package."""

from experiments.system.errors import FileError


class ImageError(FileError):
    """A fault of an image, a folder or a set, in one sentence that begins with its path."""
