"""The error of this package."""

from experiments.system.errors import FileError


class ImageError(FileError):
    """What is wrong with an image, a folder or a set: one sentence that begins with its path."""
