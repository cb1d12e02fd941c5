"""The type of every optimiser, and functions that optimisers and links share."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from fnnet.core import at_least_float32, require
from fnnet.schedules import as_schedule


class Optimizer(NamedTuple):
    """An optimiser, or a link in a `chain`.

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
    """Add updates to parameters, leaf by leaf, in the parameters' dtypes."""
    return jax.tree.map(lambda p, u: p + u.astype(p.dtype), params, updates)


def chain(*links):
    """Pass each link's updates to the next as its gradients; `TypeError` for other arguments."""
    for link in links:
        require_optimizer("chain", link)

    def init(params):
        return tuple(link.init(params) for link in links)

    def update(grads, opt_state, params, step):
        new_state = []
        for link, link_state in zip(links, opt_state, strict=True):
            grads, link_state = link.update(grads, link_state, params, step)
            new_state.append(link_state)
        return grads, tuple(new_state)

    return Optimizer(init, update)


def rate_schedule(name, rate):
    """Convert a rate of at least 0 to a schedule; raise for other values unless traced."""
    return as_schedule(rate, name, least=0)


def require_optimizer(name, value):
    """Raise `TypeError` for what is not an `Optimizer`, such as a constructor not called."""
    if not isinstance(value, Optimizer):
        hint = "; call it: optim.adam(learning_rate)" if callable(value) else ""
        raise TypeError(f"{name} needs an Optimizer, got a {type(value).__name__}{hint}")


def require_callable(name, value):
    """Raise `TypeError` unless `value` is callable."""
    if not callable(value):
        raise TypeError(f"{name}={value!r} must be a function")


def require_decay(name, decay):
    """Raise unless the decay of a running sum or mean is in [0, 1)."""
    require(0 <= decay < 1, f"{name}={decay} must be in [0, 1)")


def widen(tree):
    """Convert every leaf to float32 unless it is wider, as all optimiser states are.

    In bfloat16, where 0.999 rounds to 1, a mean with that decay would never change.
    """
    return jax.tree.map(at_least_float32, tree)


def cast_like(tree, like):
    """Convert every leaf to the dtype of its counterpart in `like`."""
    return jax.tree.map(lambda leaf, other: leaf.astype(other.dtype), tree, like)


def scaled(tree, factor):
    """Multiply every leaf by a scalar, in the leaf's dtype."""
    product = jax.tree.map(lambda leaf: leaf * jnp.asarray(factor, leaf.dtype), widen(tree))
    return cast_like(product, tree)
