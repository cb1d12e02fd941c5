"""The error of this package."""

from experiments.system.errors import FileError


class PictureError(FileError):
    """What is wrong with a picture, a folder or a set: one sentence that begins with its path."""
