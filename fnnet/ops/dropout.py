"""Dropout of values and of channels."""

import jax.numpy as jnp

from fnnet import random
from fnnet.core import require, require_floating


def dropout(x, key, *, rate):
    """Zero a share `rate` of the values and scale up the others, so that the mean is preserved.

    Any shape. The rate, in [0, 1), is rounded to a multiple of 1/65536, and the scale is computed
    from the rounded rate. Srivastava et al. 2014.
    """
    return _drop("dropout", x, key, rate, x.shape)


def spatial_dropout(x, key, *, rate):
    """Zero whole channels of an example: (N, ..., C) -> (N, ..., C).

    Neighbouring pixels are so alike that dropping single values has little effect. `rate` and scale
    are as in `dropout`. Tompson et al. 2015, arXiv:1411.4280, section 3.2.
    """
    require(x.ndim >= 2, f"spatial_dropout expects (N, ..., C), got {x.ndim} axes")
    return _drop("spatial_dropout", x, key, rate, (x.shape[0], *(1,) * (x.ndim - 2), x.shape[-1]))


def _drop(name, x, key, rate, shape):
    require_floating(x)
    require(0 <= rate < 1, f"{name}: rate={rate} must be at least 0 and below 1")
    dropped = min(round(rate * 65536), 65535)
    if dropped == 0:
        return x
    keep = jnp.broadcast_to(random.bits16(key, shape) >= jnp.uint16(dropped), x.shape)
    return jnp.where(keep, x * (65536 / (65536 - dropped)), jnp.zeros_like(x))
