"""Normalisation: moments over axes, and the affine map that uses them."""

import jax.numpy as jnp
from jax import lax

from fnnet.core import require, wide
from fnnet.ops.channels import along_last


def moments(x, axes):
    """Compute mean and variance over `axes`, in float32 or wider.

    Two passes, since ``E[x²] - E[x]²`` cancels: it turns negative where the mean is large against
    the spread. The variance is the biased one, ``sum((x - mean)²) / n``.
    """
    x = wide(x)
    mean = x.mean(axes, keepdims=True)
    return mean.squeeze(axes), jnp.square(x - mean).mean(axes)


def batch_norm(x, mean, variance, scale, offset, *, epsilon=1e-5):
    """Normalise channels: ``(x - mean) / sqrt(variance + epsilon) * scale + offset``.

    (..., C) with four vectors (C,) -> (..., C) in `x`'s dtype, computed in float32 or wider.
    Ioffe, Szegedy 2015, arXiv:1502.03167, algorithm 1.
    """
    y = wide(x)
    require(
        x.shape[-1] == scale.shape[0],
        f"the parameters are for {scale.shape[0]} channels, the last axis has {x.shape[-1]}",
    )
    vectors = (vector.astype(y.dtype) for vector in (mean, variance, scale, offset))
    mean, variance, scale, offset = (along_last(vector, x) for vector in vectors)
    # Centred before it is scaled: x * a + c would cancel where the mean is large.
    return ((y - mean) * (lax.rsqrt(variance + epsilon) * scale) + offset).astype(x.dtype)
