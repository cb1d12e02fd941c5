"""One row a public schedule; the tests walk every row through every property.

The oracles are `math` in float64, from the formulas: none calls fnnet.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from fnnet import schedules


@dataclass(frozen=True)
class ScheduleRow:
    """A schedule to prove: `make` takes a total of steps, `oracle` a step and that total.

    It has reached its end `ends_after` totals, or never where that is None.
    """

    name: str
    make: Callable
    oracle: Callable
    ends_after: int | None = 1


def line(start, end, done):
    return start + (end - start) * min(max(done, 0), 1)


def half_cosine(start, end, done):
    # Of the share that is left, since the cosine near -1 rounds in float64 too.
    left = 1 - min(max(done, 0), 1)
    return end + (start - end) * math.sin(math.pi / 2 * left) ** 2


def cosine(step, total):
    warmup = total // 2
    if step < warmup:
        return (step + 1) / (warmup + 1)
    return half_cosine(1.0, 0.1, (step - warmup) / (total - warmup))


def warm_restarts(step, total, factor):
    length = total
    while step >= length:
        step, length = step - length, length * factor
    return half_cosine(1.0, 0.1, step / length)


def one_cycle(step, total):
    top = 0.3 * total
    if step < top:
        return line(0.04, 1.0, step / top)
    return line(1.0, 0.01, (step - top) / (total - top))


def warmup(step, total):
    if step < total:
        return (step + 1) / (total + 1)
    return line(1.0, 0.1, (step - total) / total)


def warmup_stable_decay(step, total):
    rise, fall = total // 3, total - total // 2
    if step < rise:
        return (step + 1) / (rise + 1)
    return line(1.0, 0.05, (step - (total - fall)) / fall)


def join(step, total):
    if step < total:
        return line(1.0, 0.1, step / total)
    return 0.5 if step < 2 * total else 0.25 * 0.04 ** min((step - 2 * total) / total, 1)


SCHEDULES = {
    row.name: row
    for row in [
        ScheduleRow("constant", lambda total: schedules.constant(0.3), lambda step, total: 0.3, 0),
        ScheduleRow(
            "piecewise",
            lambda total: schedules.piecewise([0.5, 0.3, 0.1], [total, 2 * total]),
            lambda step, total: (0.5, 0.3, 0.1)[min(step // total, 2)],
            2,
        ),
        ScheduleRow(
            "linear",
            lambda total: schedules.linear(1.0, 0.1, steps=total),
            lambda step, total: line(1.0, 0.1, step / total),
        ),
        ScheduleRow(
            "polynomial",
            lambda total: schedules.polynomial(1.0, 0.1, steps=total, power=0.9),
            lambda step, total: 0.1 + 0.9 * (1 - min(step / total, 1)) ** 0.9,
        ),
        ScheduleRow(
            "exponential",
            lambda total: schedules.exponential(1.0, 0.01, steps=total),
            lambda step, total: 0.01 ** min(step / total, 1),
        ),
        ScheduleRow(
            "cosine",
            lambda total: schedules.cosine(1.0, steps=total, warmup=total // 2, end=0.1),
            cosine,
        ),
        ScheduleRow(
            "warm_restarts",
            lambda total: schedules.warm_restarts(1.0, steps=total, end=0.1),
            lambda step, total: warm_restarts(step, total, 2),
            None,
        ),
        ScheduleRow(
            "warm_restarts_equal",
            lambda total: schedules.warm_restarts(1.0, steps=total, factor=1, end=0.1),
            lambda step, total: half_cosine(1.0, 0.1, step % total / total),
            None,
        ),
        ScheduleRow(
            "one_cycle", lambda total: schedules.one_cycle(1.0, steps=total, end=0.01), one_cycle
        ),
        ScheduleRow(
            "warmup",
            lambda total: schedules.warmup(schedules.linear(1.0, 0.1, steps=total), steps=total),
            warmup,
            2,
        ),
        ScheduleRow(
            "warmup_stable_decay",
            lambda total: schedules.warmup_stable_decay(
                1.0, steps=total, warmup=total // 3, decay=total - total // 2, end=0.05
            ),
            warmup_stable_decay,
        ),
        ScheduleRow(
            "join",
            lambda total: schedules.join(
                [
                    schedules.linear(1.0, 0.1, steps=total),
                    0.5,
                    schedules.exponential(0.25, 0.01, steps=total),
                ],
                [total, 2 * total],
            ),
            join,
            3,
        ),
    ]
}
