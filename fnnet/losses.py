"""Losses: ``(prediction, target) -> one value an example``, arrays of equal shape (N, ...)."""

import jax.numpy as jnp

from fnnet.core import require, require_floating


def mse(prediction, target):
    """Mean squared error of each example: (N, ...) -> (N,)."""
    return _mean(jnp.square(_difference(prediction, target)))


def mae(prediction, target):
    """Mean absolute error of each example: (N, ...) -> (N,)."""
    return _mean(jnp.abs(_difference(prediction, target)))


def charbonnier(prediction, target, *, epsilon=1e-3):
    """Mean of ``sqrt(difference² + epsilon²)``, a smooth absolute error: (N, ...) -> (N,).

    Charbonnier et al. 1994; `epsilon` as in Lai et al. 2017, arXiv:1704.03915.
    """
    return _mean(jnp.sqrt(jnp.square(_difference(prediction, target)) + epsilon**2))


def _difference(prediction, target):
    require(
        prediction.shape == target.shape,
        f"the prediction's shape {prediction.shape} must be the target's {target.shape}",
    )
    require_floating(prediction)
    require_floating(target)
    return prediction - target


def _mean(values):
    return values.mean(tuple(range(1, values.ndim)))
