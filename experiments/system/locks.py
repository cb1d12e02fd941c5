"""Locks on folders and files between processes."""

import contextlib
import os
import warnings
from pathlib import Path

from experiments.system.errors import RunError
from experiments.system.storage import _as_sentence, _cause

LOCK_NAME = ".lock"


@contextlib.contextmanager
def locked(folder):
    """Keep every other process from writing into a folder, for as long as the block lasts.

    The lock is the kernel's: it goes with the process, however that ends, and a lock file without
    a process means nothing. A program started meanwhile does not inherit it; a forked child does,
    and keeps it while it lives.

    Raises
    ------
    RunError
        If another process has the lock, or the folder cannot be written into.

    Warns
    -----
    UserWarning
        If the file system has no locks; the block then goes on without.
    """
    folder = Path(folder)
    with contextlib.ExitStack() as stack:
        with _as_sentence(folder, "locked"):
            file = stack.enter_context(open(folder / LOCK_NAME, "ab"))
        try:
            _lock(file)
        # Windows, and some network file systems, call it forbidden.
        except (BlockingIOError, PermissionError):
            raise RunError(f"{folder}: another process is at work in this folder") from None
        except OSError as error:
            reason = f"{folder}: cannot be locked ({_cause(error)}); keep other processes out of it"
            warnings.warn(reason, stacklevel=3)  # past contextlib, to the with statement
        yield


@contextlib.contextmanager
def exclusive(file):
    """Wait until no other process is in such a block with the same file, and keep them out."""
    _wait_for_lock(file)
    try:
        yield
    finally:
        _unlock(file)


if os.name == "nt":
    import msvcrt

    def _lock(file):
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

    def _wait_for_lock(file):
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)

    def _unlock(file):
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _lock(file):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _wait_for_lock(file):
        fcntl.flock(file, fcntl.LOCK_EX)

    def _unlock(file):
        fcntl.flock(file, fcntl.LOCK_UN)
