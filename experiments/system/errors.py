"""Errors that a user can cause, each in one sentence, and how a sentence lists many names."""

import contextlib

LISTED = 8  # names that a message spells out


class UserError(ValueError):
    """An error that a user can cause; commands print it as one line."""


class RunError(UserError):
    """A run's folder, or a file in it, that cannot be used, in one sentence."""


class FileError(UserError):
    """A file of the user's that cannot be read or written; work on other files goes on."""


def some(names, separator=", "):
    """Join the first names, and count the rest."""
    more = len(names) - LISTED
    return separator.join(names[:LISTED]) + (f" and {more} more" if more > 0 else "")


@contextlib.contextmanager
def as_run_error(path, done):
    """Turn an error of the operating system into a RunError: "PATH: could not be DONE: reason"."""
    try:
        yield
    except OSError as error:
        missing = done == "read" and isinstance(error, FileNotFoundError)
        reason = "does not exist" if missing else f"could not be {done}: {cause(error)}"
        raise RunError(f"{path}: {reason}") from error


def cause(error):
    """Return the operating system's reason in an OSError."""
    return error.strerror or str(error)
