"""The error of this package."""

from experiments.system.errors import FileError


class FnnError(FileError):
    """What is wrong with a ``.fnn`` file, with tables, or with what should be coded: a sentence."""


def require(condition, sentence):
    """Raise `sentence` unless `condition` holds."""
    if not condition:
        raise FnnError(sentence)
