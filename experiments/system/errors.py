"""Errors that a user can cause, each told in one sentence, and how a sentence lists many things."""

LISTED = 8  # names that a message spells out


class UserError(ValueError):
    """An error that a user can cause; commands print it as one line."""


class RunError(UserError):
    """A run's folder, or a file in it, that cannot be used, in one sentence."""


class FileError(UserError):
    """A file of the user's that cannot be read or written; work on other files goes on."""


def some(names, separator=", "):
    """Spell out the first names and count the rest."""
    more = len(names) - LISTED
    return separator.join(names[:LISTED]) + (f" and {more} more" if more > 0 else "")
