"""Rounds in which workers take turns, and the ratios of their times."""

import contextlib
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import NamedTuple

import numpy as np

from experiments.benchmarks import networks
from experiments.benchmarks.jobs import Job
from experiments.benchmarks.processes import Worker, WorkerError

_READY_SECONDS = 600  # to import, compile and call three times
_TURN_SECONDS = 300


class Spread(NamedTuple):
    """Lower quartile, median and upper quartile of some values."""

    low: float
    median: float
    high: float


@dataclass(frozen=True)
class Costs:
    """Costs of a job besides times, as its worker reports them; memory in bytes or None."""

    compile_seconds: float
    parameters: int
    versions: dict[str, str]
    peak_bytes: int | None = None
    temporary_bytes: int | None = None


@dataclass
class Timing:
    """Measurements of one job: seconds of every call by turn, and other costs."""

    job: Job
    turns: list[list[float]] = field(default_factory=list)
    costs: Costs | None = None

    @property
    def median(self):
        """Seconds of the median call."""
        return float(np.median(self._calls))

    @property
    def minimum(self):
        """Seconds of the least disturbed call."""
        return float(min(self._calls))

    @property
    def _calls(self):
        return list(chain(*self.turns))


def spread(values):
    """Compute the quartiles of values."""
    return Spread(*map(float, np.percentile(list(values), (25, 50, 75))))


def ratio(timing, reference):
    """Compute the ratios of a job's time to a reference's, round by round.

    A disturbance of a round affects both, so that the ratios spread less than the times.
    """
    pairs = zip(timing.turns, reference.turns, strict=True)
    return spread(np.median(calls) / np.median(others) for calls, others in pairs)


def contest(jobs, *, start, rounds, seconds, on_failure):
    """Time jobs in turn, round by round, each in a process of its own: ``start(job) -> Worker``.

    A turn takes about `seconds`, and has at least one call. ``on_failure(job, sentence)`` is called
    for each job that fails; returns the timings of the others, in the order of `jobs`.
    """
    with contextlib.ExitStack() as stack:
        racing = []

        def attempt(step, timing, *args):
            try:
                step(timing, *args)
            except WorkerError as error:
                on_failure(timing.job, str(error))
                return False
            return True

        def begin(timing):
            worker = stack.enter_context(start(timing.job))
            _prepare(timing, worker)
            racing.append((timing, worker))

        for job in jobs:
            attempt(begin, Timing(job))
        for step in [_take_turn] * rounds + [_finish]:
            racing = [each for each in racing if attempt(step, *each, seconds)]
    return [timing for timing, _ in racing]


def _prepare(timing, worker: Worker):
    job = timing.job
    answer = worker.ask(vars(job), _READY_SECONDS)
    if "missing" in answer:
        raise WorkerError(
            f"its Python has no {answer['missing']} (pip install 'fnnet[bench]'; a Python that "
            "has PyTorch: --torch-python PATH)"
        )
    try:
        timing.costs = costs = Costs(**answer)
    except TypeError:
        raise WorkerError("reported neither its parameters nor its versions") from None
    if job.network in networks.NETWORKS:
        expected = networks.parameters(job.build())
        if costs.parameters != expected:
            raise WorkerError(f"has {costs.parameters} parameters where the layers have {expected}")


def _take_turn(timing, worker, seconds):
    answer = worker.ask({"ask": "turn", "seconds": seconds}, _TURN_SECONDS)
    calls = answer.get("seconds")
    if not isinstance(calls, list) or not calls or not all(_is_time(call) for call in calls):
        raise WorkerError(f"answered {str(answer)[:60]!r}, which holds no times")
    timing.turns.append(calls)


def _is_time(value):
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < np.inf


def _finish(timing, worker, seconds):
    answer = worker.ask({"ask": "memory"}, _TURN_SECONDS)
    if answer.keys() != {"peak_bytes", "temporary_bytes"}:
        raise WorkerError(f"answered {str(answer)[:60]!r}, which reports no memory")
    timing.costs = replace(timing.costs, **answer)
