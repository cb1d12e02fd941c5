"""Dropout: values that vanish at random."""

import jax.numpy as jnp

from fnnet import random
from fnnet.core import require


def dropout(x, key, *, rate):
    """Drop the share `rate` of the values and scale the others up, so that the mean stays.

    The rate is rounded to a multiple of 1/65536, and the scale is computed from the rounded rate.
    Srivastava et al. 2014.
    """
    require(0 <= rate < 1, f"dropout: rate={rate} must be at least 0 and below 1")
    dropped = min(round(rate * 65536), 65535)
    if dropped == 0:
        return x
    keep = random.bits16(key, x.shape) >= jnp.uint16(dropped)
    return jnp.where(keep, x * (65536 / (65536 - dropped)), jnp.zeros_like(x))
