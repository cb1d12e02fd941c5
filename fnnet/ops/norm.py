"""Normalisation by given moments, by the batch's, or by those of each example."""

import math
from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

from fnnet.core import at_least_float32, require, require_integer
from fnnet.ops.channels import along_last, require_channels


def batch_norm(x, mean, variance, scale, offset, *, epsilon=1e-5):
    """Normalise channels: ``(x - mean) / sqrt(variance + epsilon) * scale + offset``.

    (..., C) with four vectors (C,) -> (..., C) in `x`'s dtype, computed in float32 or wider; raises
    `LayerError` if the vectors have another number of channels. Ioffe, Szegedy 2015,
    arXiv:1502.03167, algorithm 1.
    """
    y = at_least_float32(x)
    require_channels(x, mean=mean, variance=variance, scale=scale, offset=offset)
    _require_epsilon(epsilon)
    vectors = (vector.astype(y.dtype) for vector in (mean, variance, scale, offset))
    mean, variance, scale, offset = (along_last(vector, x) for vector in vectors)
    # Centred before it is scaled: x * a + c would cancel if the mean is large.
    return ((y - mean) * (lax.rsqrt(variance + epsilon) * scale) + offset).astype(x.dtype)


@partial(jax.custom_jvp, nondiff_argnums=(3,))
def batch_norm_by_batch(x, scale, offset, epsilon):
    """Normalise channels by the batch's moments, as `batch_norm` does by given ones.

    Parameters
    ----------
    x : array (..., C)
    scale, offset : array (C,)
    epsilon : float
        Added to the variance, above 0.

    Returns
    -------
    array (..., C), array (C,), array (C,)
        The normalised array in `x`'s dtype, and the batch's mean and biased variance in float32 or
        wider. The gradients of these two are 0: running statistics are not trained.

    Notes
    -----
    The derivative is written out. With ``c = x - mean``, ``r = 1 / sqrt(variance + epsilon)``,
    ``a = scale * r`` it is ``a (dx - mean(dx) - c r² mean(c dx)) + c r dscale + doffset``; its
    transpose needs two sums over the batch, of the gradient and of its product with ``c``. The
    derivative that JAX obtains from the forward pass needs four, and two more arrays of `x`'s size.
    """
    y, _, mean, variance = _by_batch(x, scale, offset, epsilon)
    return y, mean, variance


@batch_norm_by_batch.defjvp
def _batch_norm_by_batch_jvp(epsilon, primals, tangents):
    x, scale, offset = primals
    y, centred, mean, variance = _by_batch(x, scale, offset, epsilon)
    dx, dscale, doffset = (tangent.astype(mean.dtype) for tangent in tangents)
    axes = tuple(range(x.ndim - 1))
    root = lax.rsqrt(variance + epsilon)
    factor = scale.astype(mean.dtype) * root
    # Vectors of channels are combined first, so that the transpose computes each sum only once.
    level = factor * dx.mean(axes) - doffset
    slope = factor * root**2 * (centred * dx).mean(axes) - root * dscale
    dy = along_last(factor, x) * dx - along_last(level, x) - centred * along_last(slope, x)
    nothing = jnp.zeros_like(mean)
    return (y, mean, variance), (dy.astype(x.dtype), nothing, nothing)


def _by_batch(x, scale, offset, epsilon):
    axes = tuple(range(x.ndim - 1))
    mean = at_least_float32(x).mean(axes)
    # In two passes, since E[x²] - E[x]² cancels, and turns negative if the mean is large against
    # the spread. The barrier stores it; else each use, forward and backward, would recompute it.
    centred = lax.optimization_barrier(at_least_float32(x) - along_last(mean, x))
    variance = jnp.square(centred).mean(axes)
    factor = scale.astype(mean.dtype) * lax.rsqrt(variance + epsilon)
    y = centred * along_last(factor, x) + along_last(offset.astype(mean.dtype), x)
    return y.astype(x.dtype), centred, mean, variance


def layer_norm(x, scale, offset, *, epsilon=1e-6):
    """Normalise each position by the mean and variance of its channels, then scale and shift.

    (..., C) with `scale`, `offset` (C,) -> (..., C) in `x`'s dtype, computed in float32 or wider.
    Every pixel of an image is normalised separately; `group_norm` with one group normalises over
    the whole image. `epsilon`, above 0, is added to the variance; raises `LayerError` if there is
    only one channel. Ba, Kiros, Hinton 2016, arXiv:1607.06450, equation 4.
    """
    require_channels(x, scale=scale, offset=offset)
    return _affine(_standardise(at_least_float32(x), (x.ndim - 1,), epsilon), scale, offset).astype(
        x.dtype
    )


def group_norm(x, scale, offset, *, groups, epsilon=1e-5):
    """Normalise each example's groups of neighbouring channels over all positions.

    (N, ..., C) with `scale`, `offset` (C,) -> (N, ..., C) in `x`'s dtype, computed in float32 or
    wider; `groups` divides C. `epsilon`, above 0, is added to the variance; raises `LayerError` if
    a group has only one value. Wu, He 2018, arXiv:1803.08494, equation 7.
    """
    channels = x.shape[-1]
    require_integer("groups", groups)
    require(channels % groups == 0, f"groups={groups} must divide the input's {channels} channels")
    require_channels(x, scale=scale, offset=offset)
    split = at_least_float32(x).reshape(*x.shape[:-1], groups, channels // groups)
    y = _standardise(split, (*range(1, x.ndim - 1), x.ndim), epsilon)
    return _affine(y.reshape(x.shape), scale, offset).astype(x.dtype)


def instance_norm(x, scale, offset, *, epsilon=1e-5):
    """Normalise each example's channels separately over all positions.

    (N, ..., C) -> (N, ..., C): `group_norm` with one group per channel, and its `scale`, `offset`
    and `epsilon`. Ulyanov, Vedaldi, Lempitsky 2016, arXiv:1607.08022, equation 2.
    """
    return group_norm(x, scale, offset, groups=x.shape[-1], epsilon=epsilon)


def _standardise(x, axes, epsilon):
    _require_epsilon(epsilon)
    count = math.prod(x.shape[axis] for axis in axes)
    require(count > 1, "needs more than one value to take mean and variance over")
    centred = x - x.mean(axes, keepdims=True)
    # In units of the largest value, so that no square overflows; the units cancel in gradients too.
    unit = lax.stop_gradient(jnp.maximum(jnp.abs(centred).max(axes, keepdims=True), 1))
    centred = centred / unit
    variance = jnp.square(centred).mean(axes, keepdims=True)
    return centred * lax.rsqrt(variance + epsilon / unit / unit)


def _affine(x, scale, offset):
    return x * along_last(scale, x).astype(x.dtype) + along_last(offset, x).astype(x.dtype)


def _require_epsilon(epsilon):
    require(epsilon > 0, f"epsilon={epsilon} must be above 0")
