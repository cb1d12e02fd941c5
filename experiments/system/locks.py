"""Locks on folders and files between processes."""

import contextlib
import warnings
from pathlib import Path

from filelock import lock_descriptor, unlock_descriptor

from experiments.system.errors import RunError, as_run_error, cause

LOCK_NAME = ".lock"


@contextlib.contextmanager
def locked(folder):
    """Exclude every other process from writing into a folder during the block.

    The lock is the kernel's: it ends with the process, however that ends, and a lock file without a
    process means nothing. A program started meanwhile does not inherit it; a forked child does, and
    holds it while it lives. Raises a RunError if another process holds the lock, or the folder
    cannot be written into. Warns if the file system has no locks; the block then runs without.
    """
    folder = Path(folder)
    with contextlib.ExitStack() as stack:
        with as_run_error(folder, "locked"):
            file = stack.enter_context(open(folder / LOCK_NAME, "ab"))
        try:
            is_free = lock_descriptor(file.fileno(), blocking=False)
        except OSError as error:
            is_free = True
            reason = f"{folder}: cannot be locked ({cause(error)}); keep other processes out of it"
            warnings.warn(reason, stacklevel=3)  # past contextlib, to the with statement
        if not is_free:
            raise RunError(f"{folder}: another process is at work in this folder")
        yield


@contextlib.contextmanager
def exclusive(file):
    """Wait until no other process is in such a block with the same file, and exclude others."""
    lock_descriptor(file.fileno())
    try:
        yield
    finally:
        unlock_descriptor(file.fileno())
