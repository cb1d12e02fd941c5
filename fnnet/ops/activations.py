"""Activations, elementwise except `softmax`: the output has the input's shape.

All propagate NaN, and none overflows where its value is finite.
"""

import math

import jax.numpy as jnp
from jax import lax

from fnnet.core import at_least_float32, require_floating
from fnnet.ops.channels import along_last, require_channels


def identity(x):
    """Return `x` itself, of any shape."""
    return x


def relu(x):
    """Compute ``max(x, 0)``, any shape; the gradient at 0 is 0 (Nair, Hinton 2010)."""
    return jnp.where(x <= 0, jnp.zeros_like(x), x)


def leaky_relu(x, *, slope=0.01):
    """Compute ``x`` above 0, ``slope x`` below, any shape (Maas, Hannun, Ng 2013)."""
    require_floating(x)
    return jnp.where(x < 0, slope * x, x)


def prelu(x, slope):
    """Compute ``x`` above 0, ``slope x`` below, with a learned `slope` (C,) per channel.

    (..., C) -> (..., C). He et al. 2015, arXiv:1502.01852, equation 1.
    """
    require_floating(x)
    require_channels(x, slope=slope)
    return jnp.where(x < 0, along_last(slope, x) * x, x)


def elu(x):
    """Compute ``x`` above 0, ``exp(x) - 1`` below, any shape.

    Clevert, Unterthiner, Hochreiter 2016, arXiv:1511.07289, equation 15.
    """
    require_floating(x)
    return jnp.where(x <= 0, jnp.expm1(jnp.minimum(x, 0)), x)


def gelu(x):
    """Compute ``x Φ(x)`` with the exact normal distribution function Φ, any shape.

    Hendrycks, Gimpel 2016, arXiv:1606.08415, section 2.
    """
    require_floating(x)
    # erfc, not 1 + erf, which cancels: in bfloat16 its relative error is 1/2 at -3.
    return 0.5 * x * lax.erfc(-x * math.sqrt(0.5))


def silu(x):
    """Compute ``x sigmoid(x)``, also called swish, any shape.

    Elfwing, Uchibe, Doya 2018, arXiv:1702.03118, equation 2.
    """
    require_floating(x)
    return x * lax.logistic(x)


def softplus(x):
    """Compute ``log(1 + exp(x))``, a smooth relu, any shape (Dugas et al. 2001)."""
    require_floating(x)
    return jnp.logaddexp(x, jnp.zeros_like(x))


def sigmoid(x):
    """Compute ``1 / (1 + exp(-x))``, any shape."""
    require_floating(x)
    return lax.logistic(x)


def tanh(x):
    """Compute the hyperbolic tangent, any shape."""
    require_floating(x)
    return jnp.tanh(x)


def softmax(x):
    """Compute ``exp(x) / sum(exp(x))`` over the last axis: (..., C) -> (..., C), positive, sum 1.

    Computed in float32 or wider. Bridle 1990.
    """
    y = at_least_float32(x)
    y = jnp.exp(y - lax.stop_gradient(y.max(-1, keepdims=True)))
    return (y / y.sum(-1, keepdims=True)).astype(x.dtype)


def hard_sigmoid(x):
    """Compute ``min(max(x / 6 + 1/2, 0), 1)``, a piecewise linear `sigmoid`, any shape.

    Howard et al. 2019, arXiv:1905.02244, section 5.2.
    """
    require_floating(x)
    return jnp.clip(x / 6 + 0.5, 0, 1)


def hard_tanh(x):
    """Compute ``min(max(x, -1), 1)``, any shape (Collobert 2004)."""
    require_floating(x)
    return jnp.clip(x, -1, 1)


def hard_swish(x):
    """Compute ``x hard_sigmoid(x)``, any shape.

    Howard et al. 2019, arXiv:1905.02244, section 5.2.
    """
    return x * hard_sigmoid(x)
