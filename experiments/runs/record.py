"""The record of a run: the contents of `record.json` in its folder."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from experiments.evaluation.scores import Cost, Score
from experiments.system.errors import RunError
from experiments.system.storage import read_json, write_json

NAME = "record.json"


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Seconds of one start of the training command; `seconds` include `stepped` and `waited`."""

    seconds_to_first_step: float
    steps: int
    seconds: float
    waited: float
    stepped: float
    slowest_step: float
    total_seconds: float


@dataclass(frozen=True, kw_only=True)
class RunSession:
    """One start of the training command: versions and machine; times once it has ended."""

    environment: dict[str, Any]
    timing: Timing | None = None
    peak_memory_mb: float | None = None


@dataclass(frozen=True, kw_only=True)
class Result:
    """Measurements at the end of a run; `largest_loss_ratio` is None after a short one."""

    scores: tuple[Score, ...]
    cost: Cost
    skipped_steps: int
    largest_loss_ratio: float | None


@dataclass(frozen=True, kw_only=True)
class Record:
    """Images, network and sessions of a run, and its result once it has ended.

    `model` is the network's config as `configs.to_json` wrote it: files name the network by a
    digest over this dict. `pictures` are read by `evaluation.leakage`. `history` summarises the
    training of released weights, which come without a metrics file.
    """

    seed: int | None = None
    model: dict[str, Any]
    pictures: tuple[Any, ...]
    sessions: tuple[RunSession, ...]
    result: Result | None = None
    history: dict[str, Any] | None = None

    def with_session(self, session):
        """Return the record with one more session."""
        return replace(self, sessions=(*self.sessions, session))

    def completed(self, result, timing, peak_memory_mb):
        """Return the record with its result, and the costs of its last session."""
        *before, last = self.sessions
        last = replace(last, timing=timing, peak_memory_mb=peak_memory_mb)
        return replace(self, sessions=(*before, last), result=result)


def read_record(folder):
    """Read the record of a run; raise `RunError` if the file is not a record."""
    path = Path(folder) / NAME
    content = read_json(path)
    for name, kind in (("model", dict), ("pictures", list), ("sessions", list)):
        if not isinstance(content, dict) or not isinstance(content.get(name), kind):
            raise RunError(f"{path}: is not the record of a run: it has no {name!r}")
    try:
        return msgspec.convert(content, Record)
    except msgspec.ValidationError as error:
        raise RunError(f"{path}: is not the record of a run: {error}") from error


def write_record(folder, record: Record):
    """Write the record of a run, without fields that are None."""
    write_json(Path(folder) / NAME, to_json(record))


def to_json(record: Record):
    """Return a record as plain values, without fields that are None."""
    content = _present(asdict(record))
    return content | {"sessions": [_present(session) for session in content["sessions"]]}


def _present(values):
    return {name: value for name, value in values.items() if value is not None}
