"""Grouped convolution on a CPU, and its gradients: by shifts, or one group after another.

JAX computes the kernel gradient of a grouped convolution as another grouped convolution, slow on
a CPU. Timings are in `fnnet.ops.conv_lowering`.
"""

import jax
import jax.numpy as jnp
from jax import lax

from fnnet.core import at_least_float32


def by_shifts(x, kernel, *, strides, padding):
    """Compute a depthwise convolution as a sum over its taps.

    (N, H, W, C) with (kh, kw, 1, C * m) -> (N, H', W', C * m) in the kernel's dtype, summed in
    float32 or wider.
    """
    kh, kw, _, features = kernel.shape
    channels = x.shape[3]
    taps = at_least_float32(kernel).reshape(kh, kw, channels, features // channels)
    x = at_least_float32(_padded(x, padding))
    size = _windows(x.shape, kernel.shape, strides)
    y = sum(
        _seen_by(x, (a, b), size, strides)[..., None] * taps[a, b][None, None, None]
        for a in range(kh)
        for b in range(kw)
    )
    return y.reshape(*y.shape[:3], features).astype(kernel.dtype)


def input_gradient_by_shifts(y, kernel, *, strides, padding, shape, channels):
    """Transpose `by_shifts` with respect to its images, which have `channels` channels."""
    like = jax.typeof(y).update(shape=(len(y), *shape, channels))
    (x,) = jax.linear_transpose(
        lambda x: by_shifts(x, kernel, strides=strides, padding=padding), like
    )(y)
    return x


def kernel_gradient_by_shifts(x, y, *, strides, padding, size):
    """Compute each tap's gradient: the sum of `y` times the pixels that the tap sees."""
    features, channels, dtype = y.shape[3], x.shape[3], x.dtype
    n, height, width, _ = y.shape
    x = lax.optimization_barrier(at_least_float32(_padded(x, padding)))
    y = at_least_float32(y).reshape(n, height, width, channels, features // channels)
    # Bands of rows are added before they are summed: one sum over all products is slow on a CPU.
    bands = max(count for count in range(1, 9) if height % count == 0)
    rows = height // bands

    def tap(a, b):
        seen = _seen_by(x, (a, b), (height, width), strides)[..., None]
        band = [slice(i * rows, (i + 1) * rows) for i in range(bands)]
        total = lax.optimization_barrier(sum(seen[:, rows] * y[:, rows] for rows in band))
        return total.sum((0, 1, 2)).reshape(1, features)

    taps = jnp.stack([jnp.stack([tap(a, b) for b in range(size[1])]) for a in range(size[0])])
    return taps.astype(dtype)


def one_by_one(function, first, second, groups):
    """Apply `function` to each group's channels of two arrays and concatenate the results."""
    parts = zip(jnp.split(first, groups, -1), jnp.split(second, groups, -1), strict=True)
    return jnp.concatenate([function(*part) for part in parts], -1)


def of_blocks(dense, groups):
    """Extract the groups' kernels (kh, kw, C / groups, O) from a dense one (kh, kw, C, O)."""
    kh, kw, channels, features = dense.shape
    blocks = dense.reshape(kh, kw, groups, channels // groups, groups, features // groups)
    blocks = jnp.diagonal(blocks, axis1=2, axis2=4)  # kh, kw, C / groups, O / groups, groups
    return jnp.moveaxis(blocks, 4, 3).reshape(kh, kw, channels // groups, features)


def _padded(x, padding):
    edges = ((0, 0, 0), *((low, high, 0) for low, high in padding), (0, 0, 0))
    return lax.pad(x, jnp.zeros((), x.dtype), edges)


def _windows(shape, kernel_shape, strides):
    return tuple(
        (length - k) // stride + 1
        for length, k, stride in zip(shape[1:3], kernel_shape, strides, strict=False)
    )


def _seen_by(x, tap, size, strides):
    """Slice out, for every position of the output, the pixel that one tap of the kernel sees."""
    rows, columns = (
        slice(start, start + (count - 1) * stride + 1, stride)
        for start, count, stride in zip(tap, size, strides, strict=True)
    )
    return x[:, rows, columns]
