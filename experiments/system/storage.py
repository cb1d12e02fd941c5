"""Files that are written whole or not at all: bytes, text, JSON, and metrics as JSON lines."""

import contextlib
import json
from pathlib import Path

from experiments.system.errors import RunError
from fnnet.files import write_whole


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
