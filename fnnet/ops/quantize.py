"""Rounding, and differentiable replacements for training."""

import math

import jax
import jax.numpy as jnp

from fnnet import random
from fnnet.core import at_least_float32, require, require_floating


@jax.custom_jvp
def round_straight_through(x):
    """Round to the nearest integer, halves to even; the gradient is that of the identity.

    Any shape. Bengio, Léonard, Courville 2013, arXiv:1308.3432; for codecs Theis et al. 2017,
    arXiv:1703.00395, section 2.1.
    """
    require_floating(x)
    return jnp.round(x)


@round_straight_through.defjvp
def _round_straight_through_jvp(primals, tangents):
    return round_straight_through(*primals), tangents[0]


def add_uniform_noise(x, key):
    """Add independent uniform noise from [-1/2, 1/2), a differentiable model of rounding errors.

    Any shape; raises `LayerError` for integers, which need no rounding. Ballé, Laparra, Simoncelli
    2017, arXiv:1611.01704, section 3.
    """
    require_floating(x)
    noise = random.uniform(key, x.shape, at_least_float32(x).dtype, low=-0.5, high=0.5)
    return x + noise.astype(x.dtype)


def soft_round(x, *, temperature):
    """Round softly: a smooth, increasing function that tends to rounding as `temperature` falls.

    ``m + tanh(r / t) / (2 tanh(1 / (2 t)))`` with ``m = floor(x) + 1/2``, ``r = x - m`` and
    ``t = temperature``, a number above 0 or a traced scalar; it tends to the identity as t grows.
    Integers and half-integers are fixed points. Any shape.

    Agustsson, Theis 2020, arXiv:2006.09952, section 4.1.
    """
    if not isinstance(temperature, jax.core.Tracer):
        possible = 0 < temperature < math.inf
        require(possible, f"soft_round: temperature={temperature} must be above 0 and finite")
    y = at_least_float32(x)
    temperature = jnp.asarray(temperature, y.dtype)
    middle = jnp.floor(y) + 0.5
    soft = jnp.tanh((y - middle) / temperature) / (2 * jnp.tanh(0.5 / temperature))
    return (middle + soft).astype(x.dtype)
