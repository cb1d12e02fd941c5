"""The error for ``.fnn`` files, and its check."""

from experiments.system.errors import FileError


class FnnError(FileError):
    """An invalid ``.fnn`` file, table or array of latents, described in one sentence."""


def require(condition, sentence):
    """Raise an `FnnError` of `sentence` unless `condition` holds."""
    if not condition:
        raise FnnError(sentence)
