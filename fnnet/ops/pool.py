"""Pooling of images, NHWC, without padding: pixels that do not fill a window are dropped."""

import jax.numpy as jnp
from jax import lax

from fnnet.core import require, require_floating, require_integer_pair
from fnnet.ops.checks import pair, require_images


def max_pool(x, *, window=2, stride=None):
    """Return each window's maximum: (N, H, W, C) -> (N, H', W', C).

    ``H' = (H - window) // stride + 1``; `stride` defaults to `window`. Among equal values the
    first, row by row, gets the gradient. NaN propagates.
    """
    first, *rest = _window_slices("max_pool", x, window, stride)
    for other in rest:
        # A selection, not jnp.maximum, which would split the gradient between equal values.
        first = jnp.where((first >= other) | jnp.isnan(first), first, other)
    return first


def avg_pool(x, *, window=2, stride=None):
    """Average each window: (N, H, W, C) -> (N, H', W', C); `window`, `stride` as in `max_pool`."""
    require_floating(x)
    slices = _window_slices("avg_pool", x, window, stride)
    return sum(slices[1:], start=slices[0]) / len(slices)


def global_avg_pool(x):
    """Average each channel over the whole image: (N, H, W, C) -> (N, C).

    Lin, Chen, Yan 2014, arXiv:1312.4400, section 3.2.
    """
    require_images(x)
    require_floating(x)
    return x.mean((1, 2))


def adaptive_avg_pool(x, *, size):
    """Average over a grid of `size` windows: (N, H, W, C) -> (N, *size, C).

    Window i of n along an axis of length L goes from ``floor(i L / n)`` to
    ``ceil((i + 1) L / n)``, as in PyTorch: windows may overlap by a pixel. `size` is a number or
    (rows, columns), at least 1 and at most the image's.
    """
    require_images(x)
    require_floating(x)
    require_integer_pair("adaptive_avg_pool: size", size)
    rows, columns = pair(size)
    require(
        rows <= x.shape[1] and columns <= x.shape[2],
        f"adaptive_avg_pool: size={size} is larger than the image's {x.shape[1]}x{x.shape[2]}",
    )
    return _average_windows(_average_windows(x, rows, axis=1), columns, axis=2)


def _average_windows(x, count, axis):
    length = x.shape[axis]
    bounds = [(i * length // count, -(-(i + 1) * length // count)) for i in range(count)]
    windows = [lax.slice_in_dim(x, start, stop, axis=axis) for start, stop in bounds]
    return jnp.concatenate([window.mean(axis, keepdims=True) for window in windows], axis)


def _window_slices(name, x, window, stride):
    """Slice out, for every position in the window, the pixels at that position."""
    require_images(x)
    stride = window if stride is None else stride
    require_integer_pair(f"{name}: window", window)
    require_integer_pair(f"{name}: stride", stride)
    (wh, ww), (sh, sw) = pair(window), pair(stride)
    _, h, w, _ = x.shape
    require(h >= wh and w >= ww, f"a window of {wh}x{ww} does not fit into {h}x{w} pixels")
    rows, columns = (h - wh) // sh, (w - ww) // sw
    return [
        x[:, i : i + rows * sh + 1 : sh, j : j + columns * sw + 1 : sw]
        for i in range(wh)
        for j in range(ww)
    ]
