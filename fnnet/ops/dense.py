"""The affine map of the last axis."""

import math

import jax.numpy as jnp

from fnnet.core import require, require_floating
from fnnet.ops import conv_primitives
from fnnet.ops.channels import add_bias


def dense(x, kernel, bias=None):
    """Compute ``x @ kernel + bias``: (..., C) x (C, O) -> (..., O).

    Raises `LayerError` if `x` has not C channels or holds integers.
    """
    require_floating(x)
    require(
        x.shape[-1] == kernel.shape[0],
        f"the kernel expects {kernel.shape[0]} features, the last axis has {x.shape[-1]}",
    )
    dtype = jnp.result_type(x, kernel)
    x, kernel = x.astype(dtype), kernel.astype(dtype)
    # As a 1x1 convolution of images of one pixel, which is computed in the form chosen for those.
    pixels = x.reshape(math.prod(x.shape[:-1]), 1, 1, x.shape[-1])
    y = conv_primitives.convolve(
        pixels, kernel[None, None], strides=(1, 1), padding=((0, 0), (0, 0))
    )
    return add_bias(y.reshape(*x.shape[:-1], kernel.shape[1]), bias)
