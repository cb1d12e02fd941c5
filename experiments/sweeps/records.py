"""Records of runs: JSON lines, one per run, with everything needed to repeat it."""

import json
import os
from dataclasses import asdict, dataclass
from typing import Literal

import msgspec

from experiments.sweeps import trials
from experiments.sweeps.trials import Kind, Trial
from experiments.system.errors import RunError, as_run_error
from experiments.system.locks import exclusive
from experiments.system.storage import read_metrics
from experiments.training.stability import CurveRow, Stability

FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class ImageRecord:
    """Measurements of one image at one rate; None where there is no value."""

    name: str
    pixels: int
    rate: int | None  # index among the model's rates, from 0; None without coded latents
    file_bytes: int | None  # of the whole file
    ideal_bytes: float | None  # by the coder's tables alone
    psnr: float  # of the network's image against the task's target, in dB
    ssim: float | None
    jpeg_psnr: float  # of JPEG of at most as many bytes; of emulate and restore, of their JPEG
    jpeg_ssim: float | None
    jpeg_bytes: int | None


@dataclass(frozen=True, kw_only=True)
class Record:
    """A run's trial and measurements; None where there is no value."""

    kind: Kind
    identity: str  # digest of `trial`, the same in two records of one trial
    status: Literal["finished", "diverged"]  # diverged: given up, or its values are not finite
    trial: Trial
    environment: dict[str, str | int | None]
    pictures: str  # digest of the hashes of all images: records with the same one compare
    parameters: int
    multiply_adds_per_pixel: float
    latents_per_pixel: float | None
    steps: int  # done
    seconds: float | None  # this, `steps_to`, `stability` and `curve` are those of a `History`
    encode_seconds_per_megapixel: float | None
    decode_seconds_per_megapixel: float | None
    held_out: tuple[ImageRecord, ...]  # empty if diverged
    trained_on: tuple[ImageRecord, ...]  # of some training images
    steps_to: dict[str, int]
    stability: Stability
    curve: tuple[CurveRow, ...]


def to_json(record):
    """Return a record as a dict of plain values."""
    row = {"format": FORMAT} | asdict(record) | {"trial": trials.to_json(record.trial)}
    lists = ("held_out", "trained_on", "curve")  # as JSON reads them, not tuples
    return row | {name: list(row[name]) for name in lists}


def from_json(row):
    """Build a record from plain values; a RunError says which one is missing or wrong."""
    if row.get("format") != FORMAT:
        raise RunError(f"is of format {row.get('format')!r}, not {FORMAT}")
    try:
        return msgspec.convert(row, Record, dec_hook=trials.decode)
    except msgspec.ValidationError as error:
        raise RunError(str(error)) from error


def read(path):
    """Read a file of records, each trial once: the first of its records.

    Returns the records, and a sentence with the reason for each line that is no record.
    """
    records, faults = {}, []
    for number, row in enumerate(read_metrics(path), 1):
        try:
            record = from_json(row)
        except RunError as error:
            faults.append(f"{path}, line {number}: {error}")
        else:
            records.setdefault(record.identity, record)
    return list(records.values()), faults


def append(path, record):
    """Add one record to a file, as other processes may too; it has reached the disk on return.

    A line that a crash left torn is removed.
    """
    line = json.dumps(to_json(record)).encode() + b"\n"
    with as_run_error(path, "written"), open(path, "ab+") as file, exclusive(file):
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)
        file.write(line)
        file.flush()
        os.fsync(file.fileno())
