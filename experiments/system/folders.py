"""Folders of runs and of results, created, checked and locked; and the user's cache folder."""

import contextlib
import os
import signal
import time
from pathlib import Path

import platformdirs

from experiments.system.errors import RunError, as_run_error
from experiments.system.locks import LOCK_NAME, locked
from experiments.system.storage import write_bytes

_RUN_FILES = ("config.json", "record.json", "metrics.jsonl", "checkpoint-*.safetensors")


def create(folder):
    """Create the folder of a new run, and its parents; an existing one must be empty.

    Returns its path. Raises a RunError if it holds a run or anything else, is a file, or cannot be
    created or written into.
    """
    folder = Path(folder)
    with as_run_error(folder, "made"):
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
    """Return a new name below runs/: time and task, and a number where a second has two."""
    name = f"{time.strftime('%Y%m%d-%H%M%S')}-{task}"
    candidates = (
        Path("runs") / (name + suffix) for suffix in ("", *(f"-{n}" for n in range(2, 99)))
    )
    return next(folder for folder in candidates if not folder.exists())


@contextlib.contextmanager
def result_folder(folder):
    """Create a folder for a command's results, and lock it during the block that fills it.

    It is created first, so that an unusable folder is rejected before the work. If the block fails,
    its files are removed, and the folder too unless it existed before. SIGTERM interrupts the block
    as Ctrl-C does, so that this happens then too. Yields ``write(name, data)``, which writes the
    bytes or the text of one file. Raises as `create` and `locked`, or if a file cannot be written.
    """
    folder = Path(folder)
    is_new = not folder.exists()
    create(folder)
    with locked(folder), _termination_as_interrupt():
        yield from _filled(folder, is_new)


def _filled(folder, is_new):
    """Yield the function that writes a file; remove all that it wrote if the block fails."""
    written = []

    def write(name, data):
        written.append(folder / name)
        write_bytes(folder / name, data if isinstance(data, bytes) else data.encode())

    try:
        # Checked again under the lock: another process may have been as quick.
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


def cache_folder(name):
    """Return a folder of ours among the user's caches, which ``XDG_CACHE_HOME`` moves on Linux."""
    return platformdirs.user_cache_path("fnnet", appauthor=False) / name
