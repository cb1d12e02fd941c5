"""Schedules: functions ``step -> value`` of the step's number, a Python number or traced.

The first step is step 0. Wherever an optimiser takes a schedule, it takes a plain number too.
Every schedule is correct for totals of 1, 2 and 3 steps, and at steps in the millions; for an array
of steps it returns an array of values. `steps` is always at least 1 and below 2**31, and values are
finite; violations raise `LayerError`, values that are not numbers `TypeError`.
"""

import math
from collections.abc import Callable
from itertools import pairwise
from numbers import Integral, Real
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from fnnet.core import require, require_integer

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


def as_schedule(value, name="schedule", least=-math.inf):
    """Convert a number of at least `least` to a schedule; return a schedule unchanged."""
    require(
        not isinstance(value, Plateau),
        "a Plateau is no schedule, it needs losses; optim.scale_by_schedule takes it",
    )
    if callable(value):
        return value
    _require_number(name, value, least, "a number or a schedule")
    return constant(value)


def constant(value):
    """Return `value` at every step."""
    _require_number("constant: value", value)
    return lambda step: jnp.full(jnp.shape(step), value, jnp.float32)


def piecewise(values, boundaries):
    """Return the first value before the first boundary, the second from there on, and so on.

    `boundaries` are the steps at which the next value begins, one fewer than the values.
    """
    _require_boundaries("piecewise", f"{len(values)} values", len(values), boundaries)
    for index, value in enumerate(values):
        _require_number(f"piecewise: values[{index}]", value)
    return lambda step: jnp.asarray(values, jnp.float32)[_passed(step, boundaries)]


def linear(start, end, *, steps):
    """Go from `start` at step 0 to `end` at `steps` in a straight line, then stay."""
    _require_run("linear", steps, start=start, end=end)
    return lambda step: _line(start, end, step, steps)


def polynomial(start, end, *, steps, power):
    """Go from `start` at step 0 to `end` at `steps` along a power, then stay.

    ``end + (start - end) * (1 - step / steps) ** power``
    """
    _require_run("polynomial", steps, start=start, end=end)
    require(power > 0, f"polynomial: power={power} must be above 0")
    return lambda step: end + (start - end) * _left(step, steps) ** power


def exponential(start, end, *, steps):
    """Go from `start` at step 0 to `end` at `steps` by equal factors, then stay; both above 0."""
    _require_run("exponential", steps, start=start, end=end)
    require(start > 0 and end > 0, f"exponential: start={start} and end={end} must both be above 0")
    return lambda step: start * (end / start) ** _done(step, steps)


def cosine(peak, *, steps, warmup=0, end=0.0):
    """Rise to `peak` in a straight line, then fall to `end` along half a cosine, then stay.

    The value at step 0 is ``peak / (warmup + 1)``, not 0, and `peak` at step `warmup`; the fall
    reaches `end` at `steps`. Loshchilov, Hutter 2017, arXiv:1608.03983, equation 5.
    """
    _require_run("cosine", steps, peak=peak, end=end)
    require_integer("cosine: warmup", warmup, least=0)
    require(warmup < steps, f"cosine: warmup={warmup} must be in 0..{steps - 1}, below steps")

    def schedule(step):
        fall = _half_cosine(peak, end, _float(step) - warmup, steps - warmup)
        return _rise(step, warmup) * fall

    return schedule


def warm_restarts(peak, *, steps, factor=2, end=0.0):
    """Fall from `peak` towards `end` along half a cosine, again and again.

    The first period has `steps` steps, each later one `factor` times as many, and each begins at
    `peak`. Loshchilov, Hutter 2017, arXiv:1608.03983, equation 5.
    """
    _require_run("warm_restarts", steps, peak=peak, end=end)
    require_integer("warm_restarts: factor", factor)
    if factor == 1:
        return lambda step: _half_cosine(peak, end, jnp.asarray(step) % steps, steps)
    # A table: a logarithm that finds the period would be off by one where periods begin.
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

    The peak is at step ``round(rise * steps)``, or at the last step if that is earlier, so that
    every total contains it. `rise` is between 0 and 1, `divisor` at least 1. Smith, Topin 2018,
    arXiv:1708.07120: large rates in the middle, and rates far below the first at the end; the paper
    falls in two straight lines, this schedule in one.
    """
    _require_run("one_cycle", steps, peak=peak, end=end)
    require(0 < rise < 1, f"one_cycle: rise={rise} must be between 0 and 1")
    require(divisor >= 1, f"one_cycle: divisor={divisor} must be at least 1")
    top = min(round(rise * steps), steps - 1)

    def schedule(step):
        step = _float(step)
        up = _line(peak / divisor, peak, step, max(top, 1))
        return jnp.where(step < top, up, _line(peak, end, step - top, steps - top))

    return schedule


def warmup(schedule, *, steps):
    """Rise in a straight line for `steps` steps, then begin `schedule` at its step 0.

    The value at step 0 is ``1 / (steps + 1)`` of the schedule's first value, not 0. Goyal et al.
    2017, arXiv:1706.02677, section 2.2.
    """
    _require_run("warmup", steps)
    schedule = as_schedule(schedule)

    def warmed(step):
        later = jnp.maximum(jnp.asarray(step) - steps, 0)
        return _rise(step, steps) * _float(schedule(later))

    return warmed


def warmup_stable_decay(peak, *, steps, warmup, decay, end=0.0):
    """Rise to `peak` for `warmup` steps, stay, and in the last `decay` of `steps` fall to `end`.

    Rise and fall are straight lines; the value at step 0 is ``peak / (warmup + 1)``, not 0. Runs of
    several lengths can share all steps before the fall. Hu et al. 2024, arXiv:2404.06395,
    section 4.2.
    """
    _require_run("warmup_stable_decay", steps, peak=peak, end=end)
    require_integer("warmup_stable_decay: warmup", warmup, least=0)
    require_integer("warmup_stable_decay: decay", decay)
    require(
        warmup + decay <= steps,
        f"warmup_stable_decay: warmup={warmup} and decay={decay} must together be at most "
        f"steps={steps}",
    )

    def schedule(step):
        fall = _line(peak, end, _float(step) - (steps - decay), decay)
        return _rise(step, warmup) * fall

    return schedule


def join(schedules, boundaries):
    """Follow one schedule before the first boundary, the next from there on, and so on.

    Each schedule, or plain number, sees steps counted from its own boundary. `boundaries` are
    rising step numbers of at least 1, one fewer than the schedules.
    """
    _require_boundaries("join", f"{len(schedules)} schedules", len(schedules), boundaries)
    schedules = [as_schedule(schedule) for schedule in schedules]

    def joined(step):
        since = [jnp.maximum(jnp.asarray(step) - start, 0) for start in (0, *boundaries)]
        values = [
            jnp.broadcast_to(_float(follow(s)), s.shape)
            for follow, s in zip(schedules, since, strict=True)
        ]
        chosen = _passed(step, boundaries)[None]
        return jnp.take_along_axis(jnp.stack(values), chosen, 0)[0]

    return joined


class Plateau(NamedTuple):
    """A factor of the learning rate that depends on losses; `optim.scale_by_schedule` applies it.

    Attributes
    ----------
    init : callable
        ``() -> state``, a dict of scalars; ``state["scale"]`` is the factor and starts at 1.
    update : callable
        ``(state, value) -> state``, pure; to be called with each measured loss, a scalar.
    """

    init: Callable
    update: Callable


def reduce_on_plateau(*, factor=0.5, patience=10, threshold=1e-4, smallest=0.0):
    """Multiply the scale by `factor` after every `patience` consecutive values without improvement.

    Parameters
    ----------
    factor : float
        Between 0 and 1.
    patience : int
        Number of values, at least 1.
    threshold : float
        A value below ``best - threshold * |best|`` is an improvement, unless it is not finite.
    smallest : float
        Lower limit of the scale, in [0, 1].

    Returns
    -------
    Plateau
    """
    require(0 < factor < 1, f"reduce_on_plateau: factor={factor} must be between 0 and 1")
    require_integer("reduce_on_plateau: patience", patience)
    require(threshold >= 0, f"reduce_on_plateau: threshold={threshold} must be at least 0")
    require(0 <= smallest <= 1, f"reduce_on_plateau: smallest={smallest} must be in [0, 1]")

    def init():
        # Not infinity: a training step rejects an optimiser's state that is not finite.
        worst = jnp.array(jnp.finfo(jnp.float32).max)
        waited = jnp.zeros((), jnp.int32)
        return {"best": worst, "scale": jnp.ones((), jnp.float32), "waited": waited}

    def update(state, value):
        shape = jnp.shape(value)
        require(shape == (), f"reduce_on_plateau: value must be a scalar, got an array of {shape}")
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
    """Compute the remaining share of `steps`; near the end ``1 - done`` would lose its digits."""
    return (steps - jnp.clip(_float(step), 0, steps)) / steps


def _line(start, end, step, steps):
    return start * _left(step, steps) + end * _done(step, steps)


def _half_cosine(start, end, step, steps):
    """Go from `start` to `end` by ``(1 + cos(pi * done)) / 2``, written as an accurate square."""
    return end + (start - end) * jnp.sin(jnp.pi / 2 * _left(step, steps)) ** 2


def _rise(step, warmup):
    return jnp.minimum((_float(step) + 1) / (warmup + 1), 1.0)


def _passed(step, boundaries):
    """Count the boundaries at or before a step."""
    boundaries, step = jnp.asarray(boundaries, jnp.int32), jnp.asarray(step, jnp.int32)
    return jnp.searchsorted(boundaries, step, side="right", method="compare_all")


def _require_number(name, value, least=-math.inf, kind="a number"):
    """Raise unless `value` is finite and at least `least`; a traced value is not checked."""
    scalar = isinstance(value, np.ndarray | jax.Array) and value.ndim == 0
    if not isinstance(value, Real) and not (scalar and jnp.issubdtype(value.dtype, np.number)):
        raise TypeError(f"{name}={value!r} must be {kind}")
    possible = isinstance(value, jax.core.Tracer) or (math.isfinite(value) and value >= least)
    bound = "" if least == -math.inf else f" and at least {least}"
    require(possible, f"{name}={value} must be finite{bound}")


def _require_run(name, steps, **values):
    """Raise unless `steps` can be counted in int32 and all `values` are finite numbers."""
    require_integer(f"{name}: steps", steps)
    require(steps < 2**31, f"{name}: steps={steps} must be below 2**31")
    for setting, value in values.items():
        _require_number(f"{name}: {setting}", value)


def _require_boundaries(name, parts, count, boundaries):
    fits = count == len(boundaries) + 1
    require(fits, f"{name}: {parts} must be one more than {len(boundaries)} boundaries")
    integers = all(isinstance(boundary, Integral) for boundary in boundaries)
    rising = all(a < b for a, b in pairwise((0, *boundaries, 2**31)))
    require(
        integers and rising,
        f"{name}: boundaries={boundaries} must be integers that rise from at least 1, below 2**31",
    )
