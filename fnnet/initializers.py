"""Initialisers: ``(key, shape, dtype) -> array``.

Fans are counted as for a kernel (..., inputs, outputs): all axes but the last one are what one
output sums over.
"""

import math

import jax.numpy as jnp

from fnnet import random
from fnnet.core import require


def zeros():
    """Fill with 0."""
    return lambda key, shape, dtype=jnp.float32: jnp.zeros(shape, dtype)


def constant(value):
    """Fill with `value`."""
    return lambda key, shape, dtype=jnp.float32: jnp.full(shape, value, dtype)


def normal(stddev):
    """Draw from a normal distribution with mean 0 and standard deviation `stddev`."""
    require(stddev > 0, f"normal: stddev={stddev} must be above 0")
    return lambda key, shape, dtype=jnp.float32: stddev * random.normal(key, shape, dtype)


def lecun_normal():
    """Draw normally with variance ``1 / fan_in`` (LeCun, Bottou, Orr, Müller 1998, section 4.6)."""
    return _scaled_normal(lambda fan_in, fan_out: 1 / fan_in)


def glorot_normal():
    """Draw normally with variance ``2 / (fan_in + fan_out)`` (Glorot, Bengio 2010, equation 12)."""
    return _scaled_normal(lambda fan_in, fan_out: 2 / (fan_in + fan_out))


def he_normal():
    """Draw normally with variance ``2 / fan_in``, for relu (He et al. 2015, arXiv:1502.01852)."""
    return _scaled_normal(lambda fan_in, fan_out: 2 / fan_in)


def _scaled_normal(variance):
    def initializer(key, shape, dtype=jnp.float32):
        require(len(shape) >= 2, f"shape {shape} has no input and output axis to count fans by")
        field = math.prod(shape[:-2])
        stddev = math.sqrt(variance(field * shape[-2], field * shape[-1]))
        return stddev * random.normal(key, shape, dtype)

    return initializer
