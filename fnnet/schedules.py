"""Schedules: functions ``step -> value`` of the step number, plain or traced.

The first step is step 0. Wherever an optimiser takes a schedule, it takes a plain number too.
Every schedule is right for totals of 1, 2 and 3 steps.
"""

from collections.abc import Callable

import jax.numpy as jnp

from fnnet.core import require

Schedule = Callable


def as_schedule(value):
    """Make a schedule of a plain number; leave a schedule as it is."""
    return value if callable(value) else constant(value)


def constant(value):
    """Give `value` at every step."""
    return lambda step: jnp.asarray(value, jnp.float32)


def linear(start, end, *, steps):
    """Go from `start` at step 0 to `end` at `steps` in a straight line, then stay."""
    _require_steps("linear", steps)

    def schedule(step):
        return start + (end - start) * _progress(step, steps)

    return schedule


def exponential(start, end, *, steps):
    """Go from `start` at step 0 to `end` at `steps` by equal factors, then stay; both above 0."""
    _require_steps("exponential", steps)
    require(start > 0 and end > 0, f"exponential: start={start} and end={end} must both be above 0")

    def schedule(step):
        return start * (end / start) ** _progress(step, steps)

    return schedule


def cosine(peak, *, steps, warmup=0, end=0.0):
    """Rise to `peak` in a straight line, then fall to `end` along half a cosine, then stay.

    Step 0 already moves: the warm-up gives ``peak / (warmup + 1)`` there, `peak` at step `warmup`,
    and the fall reaches `end` at `steps`. Loshchilov, Hutter 2017, arXiv:1608.03983, equation 5.
    """
    _require_steps("cosine", steps)
    require(0 <= warmup < steps, f"cosine: warmup={warmup} must be in 0..{steps - 1}, below steps")

    def schedule(step):
        rise = peak * (jnp.asarray(step, jnp.float32) + 1) / (warmup + 1)
        fall = _progress(jnp.asarray(step) - warmup, steps - warmup)
        return jnp.minimum(rise, end + (peak - end) * 0.5 * (1 + jnp.cos(jnp.pi * fall)))

    return schedule


def _progress(step, steps):
    return jnp.clip(jnp.asarray(step, jnp.float32) / steps, 0.0, 1.0)


def _require_steps(name, steps):
    require(steps >= 1, f"{name}: steps={steps} must be at least 1")
