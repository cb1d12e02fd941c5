"""The one error of this package, and how it lists many things."""

LISTED = 8  # so many are spelt out in a message


class PictureError(ValueError):
    """What is wrong with a picture, a folder or a set: one sentence that begins with its path."""


def some(names, separator=", "):
    """Spell out the first names and count the rest."""
    more = len(names) - LISTED
    return separator.join(names[:LISTED]) + (f" and {more} more" if more > 0 else "")
