"""The record of a run: what `record.json` in its folder holds."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from experiments.evaluation.scores import Cost, Score
from experiments.system.errors import RunError
from experiments.system.storage import read_json, write_json

NAME = "record.json"


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Seconds of one start of the training command; `stepped` and `waited` are of `seconds`."""

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
    """What a run was made of, and its result.

    Parameters
    ----------
    seed : int
    model : dict
        The network's config as `configs.to_json` wrote it. Files name the network by a digest over
        this dict, which is why it stays as it was written.
    pictures : tuple of dict
        Name, hash, fingerprint and split of each image; `evaluation.leakage` reads them.
    sessions : tuple of RunSession
    result : Result or None
    history : dict or None
        Of released weights, whose metrics are not released: the sums that a sweep's record holds.
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
    """Read the record of a run.

    Raises
    ------
    RunError
        If the file cannot be read or is not the record of a run.
    """
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
    """Write the record of a run; what it does not have yet is left out."""
    write_json(Path(folder) / NAME, to_json(record))


def to_json(record: Record):
    """Return a record as plain values, without what it does not have."""
    content = _present(msgspec.to_builtins(record))
    return content | {"sessions": [_present(session) for session in content["sessions"]]}


def _present(values):
    return {name: value for name, value in values.items() if value is not None}
