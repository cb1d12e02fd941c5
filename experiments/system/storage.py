"""Files that are written whole or not at all: bytes, text, JSON, and metrics as JSON lines."""

import json
from pathlib import Path

from experiments.system.errors import RunError, as_run_error
from fnnet.files import write_whole


def write_bytes(path, data):
    """Write a file: whole, or not at all."""
    with as_run_error(path, "written"):
        write_whole(path, data)


def write_text(path, text):
    """Write a text file in UTF-8: whole, or not at all."""
    write_bytes(path, text.encode())


def write_json(path, value):
    """Write an indented JSON file, keys in their order and NaN as ``NaN``: whole, or not at all."""
    write_text(path, as_json(value))


def as_json(value):
    """Return the text that `write_json` writes."""
    return json.dumps(value, indent=2) + "\n"


def read_json(path):
    """Read a JSON file."""
    with as_run_error(path, "read"):
        data = Path(path).read_bytes()
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:  # bytes that are not UTF-8 are a ValueError
        raise RunError(f"{path}: is not JSON: {error}") from error


def append_metrics(path, row):
    """Append one row, a dict, to a metrics file as a line of JSON.

    The file is opened anew each time, so that a removed folder is noticed. A crash can leave the
    last line incomplete; `read_metrics` and `cut_metrics` drop it.
    """
    line = json.dumps(row).encode() + b"\n"
    with as_run_error(path, "written"), open(path, "ab") as file:
        file.write(line)
        file.flush()


def read_metrics(path):
    """Read the rows of a metrics file, without an incomplete last line."""
    with as_run_error(path, "read"):
        data = Path(path).read_bytes()
    return [row for _, row in _whole_lines(path, data)]


def cut_metrics(path, step):
    """Cut a metrics file back to a checkpoint: only whole lines with ``row["step"] <= step`` stay.

    Lines that stay keep their bytes. A run that was stopped before its first line has no file;
    then nothing happens.
    """
    path = Path(path)
    if not path.exists():
        return
    with as_run_error(path, "read"):
        data = path.read_bytes()
    lines = [line for line, row in _whole_lines(path, data, needs="step") if row["step"] <= step]
    with as_run_error(path, "written"):
        write_whole(path, b"".join(lines))


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
