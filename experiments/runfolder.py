"""The folder of a run: config.json, record.json, metrics.jsonl, and the lock that guards them.

Checkpoints, which lie beside them, belong to ``fnnet.checkpoint``. Whatever goes wrong with a
file is told in one sentence, by ``RunError``.
"""

import contextlib
import json
import os
import signal
import time
import warnings
from pathlib import Path

from fnnet.checkpoint import write_whole

LOCK_NAME = ".lock"
_RUN_FILES = ("config.json", "record.json", "metrics.jsonl", "checkpoint-*.safetensors")


class RunError(ValueError):
    """A run's folder, or a file in it, that cannot be used, in one sentence."""


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


def write_bytes(path, data):
    """Write a file: whole, or not at all."""
    with _as_sentence(path, "written"):
        write_whole(path, data)


def write_text(path, text):
    """Write a text file in UTF-8: whole, or not at all."""
    write_bytes(path, text.encode())


def write_json(path, value):
    """Write a JSON file for people to read too: indented, keys as they come, whole or not at all.

    NaN and infinities are written as Python does (``NaN``, ``Infinity``).
    """
    write_text(path, as_json(value))


def as_json(value):
    """Write a value as `write_json` does, as text."""
    return json.dumps(value, indent=2) + "\n"


def read_json(path):
    """Read a JSON file."""
    with _as_sentence(path, "read"):
        data = Path(path).read_bytes()
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:  # bytes that are not UTF-8 are a ValueError
        raise RunError(f"{path}: is not JSON: {error}") from error


def append_metrics(path, row):
    """Add one row, a dict, to a metrics file as a line of JSON.

    The file is opened anew each time: a folder that has been taken away is noticed. A crash or a
    full disk can leave the last line without its end; `read_metrics` and `cut_metrics` drop it.
    """
    line = json.dumps(row).encode() + b"\n"
    with _as_sentence(path, "written"), open(path, "ab") as file:
        file.write(line)
        file.flush()


def read_metrics(path):
    """Read the rows of a metrics file, leaving out a last line that was not written to its end.

    Returns
    -------
    list of dict
        One a line, in the order of the file.
    """
    with _as_sentence(path, "read"):
        data = Path(path).read_bytes()
    return [row for _, row in _whole_lines(path, data)]


def cut_metrics(path, step):
    """Take a metrics file back to a checkpoint: keep the whole lines with ``row["step"] <= step``.

    Lines that stay keep their bytes. A run that was stopped before its first line has no file;
    then there is nothing to do.
    """
    path = Path(path)
    if not path.exists():
        return
    with _as_sentence(path, "read"):
        data = path.read_bytes()
    kept = [line for line, row in _whole_lines(path, data, needs="step") if row["step"] <= step]
    with _as_sentence(path, "written"):
        write_whole(path, b"".join(kept))


def _whole_lines(path, data, needs=None):
    """Split a metrics file into pairs of a line's bytes and its row."""
    # What follows the last newline is empty, or a torn line.
    lines = [line + b"\n" for line in data.split(b"\n")[:-1]]
    return [(line, _row(path, number, line, needs)) for number, line in enumerate(lines, 1)]


def _row(path, number, line, needs):
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise RunError(f"{path}: line {number} is not JSON: {error}") from error
    if not isinstance(row, dict):
        raise RunError(f"{path}: line {number} is not a row of named values")
    if needs is not None and not isinstance(row.get(needs), int):
        raise RunError(f"{path}: line {number} has no {needs!r}")
    return row


@contextlib.contextmanager
def _as_sentence(path, done):
    """Turn what the operating system refuses into a RunError that says what was not done."""
    try:
        yield
    except OSError as error:
        missing = done == "read" and isinstance(error, FileNotFoundError)
        reason = "does not exist" if missing else f"could not be {done}: {_cause(error)}"
        raise RunError(f"{path}: {reason}") from error


def _cause(error):
    return error.strerror or str(error)


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
