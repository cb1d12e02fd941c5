"""Optimisers run for a few steps on random gradients."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
from contracts_training import OPTIMIZERS, RATES

from fnnet import optim, schedules

RATE = schedules.piecewise(RATES, [1, 2, 3])
SHAPES = {  # a matrix that is tall, of four axes, one that is wide, and a vector
    "conv": {"kernel": (2, 2, 1, 3)},
    "dense": {"kernel": (2, 5), "bias": (5,)},
}


def normal(rng, dtype=np.float32):
    def draw(shape):
        return jnp.asarray(rng.normal(size=shape), dtype)

    return jax.tree.map(draw, SHAPES, is_leaf=lambda shape: isinstance(shape, tuple))


def problem(seed=0, dtype=np.float32):
    """Draw parameters and four steps' gradients."""
    rng = np.random.default_rng(seed)
    return normal(rng, dtype), [normal(rng, dtype) for _ in RATES]


def run(update, optimizer, params, grads, steps_shape=()):
    """Return each step's updates, and the states from `init` on."""
    states, updates = [optimizer.init(params)], []
    for step, gradient in enumerate(grads):
        update_, state = update(
            gradient, states[-1], params, jnp.full(steps_shape, step, jnp.int32)
        )
        params = optim.apply_updates(params, update_)
        updates.append(update_)
        states.append(state)
    return updates, states


@cache
def compiled(name):
    """Compile an optimiser's update and run it: ``(update, updates, states, traces)``."""
    optimizer, traces = OPTIMIZERS[name].make(RATE), []

    @jax.jit
    def update(*args):
        traces.append(1)
        return optimizer.update(*args)

    return update, *run(update, optimizer, *problem()), traces
