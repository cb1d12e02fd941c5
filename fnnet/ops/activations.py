"""Activations without parameters, element by element: any shape in, the same shape out.

Each passes NaN on, and none overflows where its limit is finite.
"""

import math

import jax.numpy as jnp
from jax import lax


def identity(x):
    """Return `x` itself."""
    return x


def relu(x):
    """``max(x, 0)``; the gradient at 0 is 0 (Nair, Hinton 2010)."""
    return jnp.where(x <= 0, jnp.zeros_like(x), x)


def leaky_relu(x, *, slope=0.01):
    """``x`` above 0, ``slope x`` below (Maas, Hannun, Ng 2013)."""
    return jnp.where(x < 0, slope * x, x)


def elu(x):
    """``x`` above 0, ``exp(x) - 1`` below (Clevert et al. 2016, arXiv:1511.07289, eq. 15)."""
    return jnp.where(x <= 0, jnp.expm1(jnp.minimum(x, 0)), x)


def gelu(x):
    """``x Φ(x)`` with the normal distribution's Φ, exact (Hendrycks, Gimpel, arXiv:1606.08415)."""
    return 0.5 * x * (1 + lax.erf(x * math.sqrt(0.5)))


def silu(x):
    """``x sigmoid(x)``, also called swish (Elfwing et al. 2018, arXiv:1702.03118, eq. 2)."""
    return x * lax.logistic(x)


def sigmoid(x):
    """``1 / (1 + exp(-x))``."""
    return lax.logistic(x)


def tanh(x):
    """Compute the hyperbolic tangent."""
    return jnp.tanh(x)
