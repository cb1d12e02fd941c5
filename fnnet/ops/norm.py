"""Normalisation: moments over axes, and the affine map that uses them."""

import jax.numpy as jnp
from jax import lax


def moments(x, axes):
    """Compute mean and variance over `axes`, in float32 or wider.

    Two passes, since ``E[x²] - E[x]²`` cancels: it turns negative where the mean is large against
    the spread. The variance is the biased one, ``sum((x - mean)²) / n``.
    """
    x = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    mean = x.mean(axes)
    centred = x - jnp.expand_dims(mean, axes)
    return mean, jnp.square(centred).mean(axes)


def batch_norm(x, mean, variance, scale, offset, *, epsilon=1e-5):
    """Normalise channels: ``(x - mean) / sqrt(variance + epsilon) * scale + offset``.

    (..., C) with four vectors (C,) -> (..., C) in `x`'s dtype, computed in the vectors'. Ioffe,
    Szegedy 2015, arXiv:1502.03167, algorithm 1.
    """
    wide = x.astype(mean.dtype)
    return ((wide - mean) * (lax.rsqrt(variance + epsilon) * scale) + offset).astype(x.dtype)
