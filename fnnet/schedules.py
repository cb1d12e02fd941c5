"""Schedules: functions ``step -> value`` of the step's number, plain or traced.

The first step is step 0. Wherever an optimiser takes a schedule, it takes a plain number too.
Every schedule is right for totals of 1, 2 and 3 steps, and at steps in the millions. `steps` is
always at least 1; a `LayerError` says what else cannot be.
"""

from collections.abc import Callable
from itertools import pairwise
from numbers import Integral
from typing import NamedTuple

import jax.numpy as jnp

from fnnet.core import require, require_whole

__all__ = [
    "Plateau",
    "constant",
    "cosine",
    "exponential",
    "join",
    "linear",
    "one_cycle",
    "piecewise",
    "polynomial",
    "reduce_on_plateau",
    "warm_restarts",
    "warmup",
    "warmup_stable_decay",
]

Schedule = Callable


def as_schedule(value):
    """Make a schedule of a plain number; leave a schedule as it is."""
    require(
        not isinstance(value, Plateau),
        "a Plateau is no schedule, it needs losses; optim.scale_by_schedule takes it",
    )
    return value if callable(value) else constant(value)


def constant(value):
    """Give `value` at every step."""
    return lambda step: jnp.asarray(value, jnp.float32)


def piecewise(values, boundaries):
    """Give the first value up to the first boundary, from there on the second, and so on.

    `boundaries` are the steps at which the next value holds, one fewer than the values.
    """
    _require_boundaries("piecewise", f"{len(values)} values", len(values), boundaries)
    return lambda step: jnp.asarray(values, jnp.float32)[_passed(step, boundaries)]


def linear(start, end, *, steps):
    """Go from `start` at step 0 to `end` at `steps` in a straight line, then stay."""
    require_whole("linear: steps", steps)
    return lambda step: _line(start, end, step, steps)


def polynomial(start, end, *, steps, power):
    """Go from `start` at step 0 to `end` at `steps` along a power of what is left, then stay.

    ``end + (start - end) * (1 - step / steps) ** power``
    """
    require_whole("polynomial: steps", steps)
    require(power > 0, f"polynomial: power={power} must be above 0")
    return lambda step: end + (start - end) * _left(step, steps) ** power


def exponential(start, end, *, steps):
    """Go from `start` at step 0 to `end` at `steps` by equal factors, then stay; both above 0."""
    require_whole("exponential: steps", steps)
    require(start > 0 and end > 0, f"exponential: start={start} and end={end} must both be above 0")
    return lambda step: start * (end / start) ** _done(step, steps)


def cosine(peak, *, steps, warmup=0, end=0.0):
    """Rise to `peak` in a straight line, then fall to `end` along half a cosine, then stay.

    Step 0 already moves: the warm-up gives ``peak / (warmup + 1)`` there, `peak` at step `warmup`,
    and the fall reaches `end` at `steps`. Loshchilov, Hutter 2017, arXiv:1608.03983, equation 5.
    """
    require_whole("cosine: steps", steps)
    require(0 <= warmup < steps, f"cosine: warmup={warmup} must be in 0..{steps - 1}, below steps")

    def schedule(step):
        fall = _half_cosine(peak, end, _float(step) - warmup, steps - warmup)
        return _rise(step, warmup) * fall

    return schedule


def warm_restarts(peak, *, steps, factor=2, end=0.0):
    """Fall from `peak` towards `end` along half a cosine, again and again.

    The first period has `steps` steps, each later one `factor` times as many, and each begins at
    `peak`. Loshchilov, Hutter 2017, arXiv:1608.03983, equation 5.
    """
    require_whole("warm_restarts: steps", steps)
    require_whole("warm_restarts: factor", factor)
    if factor == 1:
        return lambda step: _half_cosine(peak, end, jnp.asarray(step) % steps, steps)
    # A table, since a logarithm to find the period would be wrong by one where periods begin.
    lengths, starts = [steps], [0]
    while starts[-1] + lengths[-1] < 2**31:
        starts.append(starts[-1] + lengths[-1])
        lengths.append(lengths[-1] * factor)

    def schedule(step):
        period = _passed(step, starts[1:])
        within = jnp.asarray(step, jnp.int32) - jnp.asarray(starts, jnp.int32)[period]
        return _half_cosine(peak, end, within, jnp.asarray(lengths, jnp.float32)[period])

    return schedule


def one_cycle(peak, *, steps, rise=0.3, divisor=25.0, end=0.0):
    """Rise from ``peak / divisor`` to `peak` and fall to `end`, both in straight lines, then stay.

    The share `rise` of `steps` goes up. Smith, Topin 2018, arXiv:1708.07120: large rates in the
    middle, and rates far below the first at the end; the paper falls in two lines, this in one.
    """
    require_whole("one_cycle: steps", steps)
    require(0 < rise < 1, f"one_cycle: rise={rise} must be between 0 and 1")
    require(divisor >= 1, f"one_cycle: divisor={divisor} must be at least 1")
    top = rise * steps

    def schedule(step):
        step = _float(step)
        up = _line(peak / divisor, peak, step, top)
        return jnp.where(step < top, up, _line(peak, end, step - top, steps - top))

    return schedule


def warmup(schedule, *, steps):
    """Rise in a straight line for `steps` steps, then begin `schedule` at its step 0.

    Step 0 already moves, by ``1 / (steps + 1)`` of the schedule's first value. Goyal et al. 2017,
    arXiv:1706.02677, section 2.2.
    """
    require_whole("warmup: steps", steps)
    schedule = as_schedule(schedule)

    def warmed(step):
        later = jnp.maximum(jnp.asarray(step) - steps, 0)
        return _rise(step, steps) * _float(schedule(later))

    return warmed


def warmup_stable_decay(peak, *, steps, warmup, decay, end=0.0):
    """Rise to `peak` for `warmup` steps, stay, and in the last `decay` of `steps` fall to `end`.

    Both ways are straight lines, and step 0 already moves, by ``peak / (warmup + 1)``. Runs of
    several lengths can share all steps before the fall. Hu et al. 2024, arXiv:2404.06395,
    section 4.2.
    """
    require_whole("warmup_stable_decay: decay", decay)
    require(
        0 <= warmup <= steps - decay,
        f"warmup_stable_decay: warmup={warmup} must be at least 0, "
        f"and with decay={decay} at most steps={steps}",
    )

    def schedule(step):
        fall = _line(peak, end, _float(step) - (steps - decay), decay)
        return _rise(step, warmup) * fall

    return schedule


def join(schedules, boundaries):
    """Follow one schedule up to the first boundary, from there on the next, and so on.

    Each schedule, or plain number, sees steps counted from its own boundary. `boundaries` are
    rising step numbers of at least 1, one fewer than the schedules.
    """
    _require_boundaries("join", f"{len(schedules)} schedules", len(schedules), boundaries)
    schedules = [as_schedule(schedule) for schedule in schedules]

    def joined(step):
        since = [jnp.maximum(jnp.asarray(step) - start, 0) for start in (0, *boundaries)]
        values = [_float(follow(s)) for follow, s in zip(schedules, since, strict=True)]
        return jnp.stack(values)[_passed(step, boundaries)]

    return joined


class Plateau(NamedTuple):
    """A factor of the learning rate that follows losses; `optim.scale_by_schedule` applies it.

    Attributes
    ----------
    init : callable
        ``() -> state``, a dict of scalars; ``state["scale"]`` is the factor and starts at 1.
    update : callable
        ``(state, value) -> state``, pure; for each loss that was measured.
    """

    init: Callable
    update: Callable


def reduce_on_plateau(*, factor=0.5, patience=10, threshold=1e-4, smallest=0.0):
    """Multiply the scale by `factor` each time `patience` values in a row bring no improvement.

    Parameters
    ----------
    factor : float
        What the scale is multiplied by, between 0 and 1.
    patience : int
        Values without improvement until that happens, at least 1.
    threshold : float
        A value below ``best - threshold * |best|`` is an improvement; one that is not finite
        never is.
    smallest : float
        What the scale does not fall below.

    Returns
    -------
    Plateau
    """
    require(0 < factor < 1, f"reduce_on_plateau: factor={factor} must be between 0 and 1")
    require_whole("reduce_on_plateau: patience", patience)
    require(threshold >= 0, f"reduce_on_plateau: threshold={threshold} must be at least 0")
    require(0 <= smallest <= 1, f"reduce_on_plateau: smallest={smallest} must be in [0, 1]")

    def init():
        # Not infinity: a training step refuses an optimiser's state that is not finite.
        worst = jnp.array(jnp.finfo(jnp.float32).max)
        return {"best": worst, "scale": jnp.ones(()), "waited": jnp.zeros((), jnp.int32)}

    def update(state, value):
        value, best = _float(value), state["best"]
        improved = jnp.isfinite(value) & (value < best - threshold * jnp.abs(best))
        waited = jnp.where(improved, 0, state["waited"] + 1)
        smaller = jnp.maximum(state["scale"] * factor, smallest)
        return {
            "best": jnp.where(improved, value, best),
            "scale": jnp.where(waited < patience, state["scale"], smaller),
            "waited": jnp.where(waited < patience, waited, 0),
        }

    return Plateau(init, update)


def _float(value):
    return jnp.asarray(value, jnp.float32)


def _done(step, steps):
    return jnp.clip(_float(step), 0, steps) / steps


def _left(step, steps):
    """Compute the share of `steps` to come; near the end ``1 - done`` would be mostly rounding."""
    return (steps - jnp.clip(_float(step), 0, steps)) / steps


def _line(start, end, step, steps):
    return start * _left(step, steps) + end * _done(step, steps)


def _half_cosine(start, end, step, steps):
    """Go from `start` to `end`; ``(1 + cos(pi * done)) / 2``, as a square that stays accurate."""
    return end + (start - end) * jnp.sin(jnp.pi / 2 * _left(step, steps)) ** 2


def _rise(step, warmup):
    return jnp.minimum((_float(step) + 1) / (warmup + 1), 1.0)


def _passed(step, boundaries):
    """Count the boundaries at or before a step."""
    return jnp.sum(jnp.asarray(step, jnp.int32) >= jnp.asarray(boundaries, jnp.int32))


def _require_boundaries(name, parts, count, boundaries):
    one_more = count == len(boundaries) + 1
    require(one_more, f"{name}: {parts} must be one more than {len(boundaries)} boundaries")
    whole = all(isinstance(boundary, Integral) for boundary in boundaries)
    rising = all(a < b for a, b in pairwise((0, *boundaries)))
    require(
        whole and rising,
        f"{name}: boundaries={boundaries} must be whole numbers that rise from at least 1",
    )
