"""Rounds in which workers take turns, and what their times say."""

import contextlib
from dataclasses import dataclass, field
from itertools import chain
from typing import NamedTuple

import numpy as np

from experiments.benchmarks import networks
from experiments.benchmarks.jobs import Job
from experiments.benchmarks.processes import Worker, WorkerError

_READY_SECONDS = 600  # to import, compile and call three times
_TURN_SECONDS = 300


class Spread(NamedTuple):
    """The quartiles of some values and, between them, the median."""

    low: float
    median: float
    high: float


@dataclass
class Timing:
    """What was measured of one job: seconds of every call by turn, and what the worker told."""

    job: Job
    turns: list = field(default_factory=list)
    told: dict = field(default_factory=dict)

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
    """Compute the quartiles of some values."""
    return Spread(*map(float, np.percentile(list(values), (25, 50, 75))))


def ratio(timing, reference):
    """Compare two jobs round by round: how many times as long `timing` takes as `reference`.

    What disturbs one round disturbs both, so that the ratios spread less than the times.
    """
    pairs = zip(timing.turns, reference.turns, strict=True)
    return spread(np.median(one) / np.median(other) for one, other in pairs)


def contest(jobs, *, start, rounds, seconds, on_failure):
    """Time jobs in turn, round by round, each in a process of its own.

    Parameters
    ----------
    jobs : sequence of Job
    start : callable
        ``job -> Worker``.
    rounds : int
        At least 1.
    seconds : float
        About how long one turn lasts; at least one call is made.
    on_failure : callable
        ``(job, sentence)`` for each job that could not be timed to the end.

    Returns
    -------
    list of Timing
        Of the others, in the order of `jobs`.
    """
    with contextlib.ExitStack() as stack:
        racing = []

        def attempt(act, timing, *args):
            try:
                act(timing, *args)
            except WorkerError as error:
                on_failure(timing.job, str(error))
                return False
            return True

        def begin(timing):
            worker = stack.enter_context(start(timing.job))
            _make_ready(timing, worker)
            racing.append((timing, worker))

        for job in jobs:
            attempt(begin, Timing(job))
        for act in [_take_turn] * rounds + [_finish]:
            racing = [each for each in racing if attempt(act, *each, seconds)]
    return [timing for timing, _ in racing]


def _make_ready(timing, worker: Worker):
    job = timing.job
    timing.told = answer = worker.ask(vars(job), _READY_SECONDS)
    if "missing" in answer:
        raise WorkerError(
            f"its Python has no {answer['missing']} (pip install 'fnnet[bench]'; a Python that "
            "has PyTorch: --torch-python PATH)"
        )
    if not {"parameters", "versions", "compile_seconds"} <= set(answer):
        raise WorkerError("told neither its parameters nor its versions")
    if job.network in networks.NETWORKS:
        expected = networks.parameters(job.build())
        if answer["parameters"] != expected:
            raise WorkerError(
                f"has {answer['parameters']} parameters where the layers have {expected}"
            )


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
    if not {"peak_bytes", "temporary_bytes"} <= set(answer):
        raise WorkerError(f"answered {str(answer)[:60]!r}, which tells no memory")
    timing.told |= answer
