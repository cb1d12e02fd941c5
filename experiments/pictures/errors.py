"""The one error of this package."""


class PictureError(ValueError):
    """What is wrong with a picture, a folder or a set: one sentence that begins with its path."""
