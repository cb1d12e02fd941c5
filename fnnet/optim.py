"""Optimisers: pure pairs of functions that turn gradients into updates.

The updates are added to the parameters (`apply_updates`). The number of the step is handed in by
whoever counts, so that bias correction and schedules agree and a resumed run is the same run.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from fnnet import trees
from fnnet.core import require
from fnnet.schedules import as_schedule


class Optimizer(NamedTuple):
    """An optimiser, or a link in a chain of them.

    Attributes
    ----------
    init : callable
        ``params -> opt_state``
    update : callable
        ``(grads, opt_state, params, step) -> (updates, opt_state)``; the first step is 0.
    """

    init: Callable
    update: Callable


def apply_updates(params, updates):
    """Add updates to parameters, leaf by leaf."""
    return jax.tree.map(jnp.add, params, updates)


def chain(*links):
    """Feed each link's updates to the next as its gradients."""

    def init(params):
        return tuple(link.init(params) for link in links)

    def update(grads, opt_state, params, step):
        new_state = []
        for link, link_state in zip(links, opt_state, strict=True):
            grads, link_state = link.update(grads, link_state, params, step)
            new_state.append(link_state)
        return grads, tuple(new_state)

    return Optimizer(init, update)


def clip_by_global_norm(limit):
    """Scale gradients down to the norm `limit`, taken over all leaves, where they exceed it.

    Pascanu, Mikolov, Bengio 2013, arXiv:1211.5063, algorithm 1.
    """
    require(limit > 0, f"clip_by_global_norm: limit={limit} must be above 0")

    def update(grads, opt_state, params, step):
        factor = limit / jnp.maximum(trees.global_norm(grads), limit)
        return jax.tree.map(lambda g: g * factor.astype(g.dtype), grads), opt_state

    return Optimizer(lambda params: (), update)


def sgd(learning_rate):
    """Gradient descent: ``update = -rate * g``."""
    rate = as_schedule(learning_rate)

    def update(grads, opt_state, params, step):
        return _scaled(grads, -rate(step)), opt_state

    return Optimizer(lambda params: (), update)


def momentum(learning_rate, decay=0.9):
    """Heavy-ball momentum: ``v = decay * v + g``, ``update = -rate * v`` (Polyak 1964)."""
    require(0 <= decay < 1, f"momentum: decay={decay} must be in [0, 1)")
    rate = as_schedule(learning_rate)

    def init(params):
        return {"velocity": trees.zeros_like(params)}

    def update(grads, opt_state, params, step):
        velocity = jax.tree.map(lambda v, g: decay * v + g, opt_state["velocity"], grads)
        return _scaled(velocity, -rate(step)), {"velocity": velocity}

    return Optimizer(init, update)


def adam(learning_rate, *, beta1=0.9, beta2=0.999, epsilon=1e-8):
    """Adam: steps along running means of the gradient, in units of its running spread.

    With ``t = step + 1``: ``m = beta1 m + (1 - beta1) g``, ``v = beta2 v + (1 - beta2) g²``,
    ``update = -rate * (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon)``.
    Kingma, Ba 2015, arXiv:1412.6980, algorithm 1.
    """
    for name, beta in (("beta1", beta1), ("beta2", beta2)):
        require(0 <= beta < 1, f"adam: {name}={beta} must be in [0, 1)")
    require(epsilon > 0, f"adam: epsilon={epsilon} must be above 0")
    rate = as_schedule(learning_rate)

    def init(params):
        return {"first_moment": trees.zeros_like(params), "second_moment": trees.zeros_like(params)}

    def update(grads, opt_state, params, step):
        first = _running_mean(opt_state["first_moment"], grads, beta1)
        second = _running_mean(opt_state["second_moment"], jax.tree.map(jnp.square, grads), beta2)
        step_size = -rate(step) / _correction(beta1, step)
        correction = _correction(beta2, step)

        def direction(m, v):
            spread = jnp.sqrt(v / correction.astype(v.dtype)) + epsilon
            return step_size.astype(m.dtype) * m / spread

        updates = jax.tree.map(direction, first, second)
        return updates, {"first_moment": first, "second_moment": second}

    return Optimizer(init, update)


def _running_mean(means, values, beta):
    return jax.tree.map(lambda m, x: beta * m + (1 - beta) * x, means, values)


def _correction(beta, step):
    """Compute ``1 - beta^(step + 1)`` without cancellation, in float32."""
    if beta == 0:
        return jnp.float32(1)
    return -jnp.expm1((jnp.asarray(step, jnp.float32) + 1) * math.log(beta))


def _scaled(tree, factor):
    return jax.tree.map(lambda leaf: leaf * factor.astype(leaf.dtype), tree)
