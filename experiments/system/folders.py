"""Folders of runs and of results: created, checked and locked."""

import contextlib
import os
import signal
import time
from pathlib import Path

from experiments.system.errors import RunError
from experiments.system.locks import LOCK_NAME, locked
from experiments.system.storage import _as_sentence, write_bytes

_RUN_FILES = ("config.json", "record.json", "metrics.jsonl", "checkpoint-*.safetensors")


def create(folder):
    """Make the folder of a new run, and those above it; an empty one is taken as it is.

    Parameters
    ----------
    folder : str or Path
        Where the run will be.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    RunError
        If it holds a run or anything else, is a file, or cannot be made or written into.
    """
    folder = Path(folder)
    with _as_sentence(folder, "made"):
        if folder.exists() and not folder.is_dir():
            raise RunError(f"{folder}: is a file, not a folder; choose another --out")
        folder.mkdir(parents=True, exist_ok=True)
        names = {name.name for name in folder.iterdir()}
    if any(next(folder.glob(pattern), None) for pattern in _RUN_FILES):
        raise RunError(
            f"{folder}: already holds a run, which train --resume {folder} continues; "
            "choose another --out"
        )
    # A lock alone is left by a run that was killed before it wrote anything.
    if names - {LOCK_NAME}:
        raise RunError(f"{folder}: is not empty; choose another --out")
    if not os.access(folder, os.W_OK):
        raise RunError(f"{folder}: may not be written into")
    return folder


def new_folder(task):
    """Name a folder by time and task, and by a number where two begin in one second."""
    name = f"{time.strftime('%Y%m%d-%H%M%S')}-{task}"
    candidates = (
        Path("runs") / (name + suffix) for suffix in ("", *(f"-{n}" for n in range(2, 99)))
    )
    return next(folder for folder in candidates if not folder.exists())


@contextlib.contextmanager
def result_folder(folder):
    """Make a folder for a command's results, which is filled by the end of the block.

    It is made at once, so that a folder that cannot be is refused before the work, and locked
    until the end of the block. If the block fails, what it wrote is taken away, and the folder
    too unless it was there before; a process that is told to end (SIGTERM) is interrupted, as by
    Ctrl-C, so that this happens then too.

    Yields
    ------
    callable
        ``(name, data)``: writes the bytes or the text of one file.

    Raises
    ------
    RunError
        As `create` and `locked`; or if a file cannot be written.
    """
    folder = Path(folder)
    is_new = not folder.exists()
    create(folder)
    with locked(folder), _termination_as_interrupt():
        yield from _filled(folder, is_new)


def _filled(folder, is_new):
    """Give the function that writes a file; take all away that it wrote if the block fails."""
    written = []

    def write(name, data):
        written.append(folder / name)
        write_bytes(folder / name, data if isinstance(data, bytes) else data.encode())

    try:
        # Looked at again under the lock: another process may have been as quick.
        create(folder)
        yield write
    except BaseException:
        with contextlib.suppress(OSError):
            for path in (*written, folder / LOCK_NAME):
                path.unlink(missing_ok=True)
            if is_new:
                folder.rmdir()
        raise
    with contextlib.suppress(OSError):  # Windows lets no one delete an open file
        (folder / LOCK_NAME).unlink()


@contextlib.contextmanager
def _termination_as_interrupt():
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
