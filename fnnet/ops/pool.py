"""Pooling of pictures, NHWC, without padding: what does not fill a window is left out."""

import jax.numpy as jnp

from fnnet.core import require
from fnnet.ops.conv import pair, require_pictures


def max_pool(x, *, window=2, stride=None):
    """Keep each window's largest value: (N, H, W, C) -> (N, H', W', C).

    ``H' = (H - window) // stride + 1``; `stride` is `window` unless given. Among equal values the
    first, row by row, gets the gradient. NaN is passed on.
    """
    first, *rest = _window_slices(x, window, stride)
    for other in rest:
        # A selection, not jnp.maximum: that halves the gradient between equals at every step.
        first = jnp.where((first >= other) | jnp.isnan(first), first, other)
    return first


def avg_pool(x, *, window=2, stride=None):
    """Average each window: (N, H, W, C) -> (N, H', W', C), sizes as in `max_pool`."""
    slices = _window_slices(x, window, stride)
    return sum(slices[1:], start=slices[0]) / len(slices)


def _window_slices(x, window, stride):
    """Cut out, for every place in the window, the pixels that stand there."""
    require_pictures(x)
    (wh, ww), (sh, sw) = pair(window), pair(window if stride is None else stride)
    _, h, w, _ = x.shape
    require(h >= wh and w >= ww, f"a window of {wh}x{ww} does not fit into {h}x{w} pixels")
    rows, columns = (h - wh) // sh, (w - ww) // sw
    return [
        x[:, i : i + rows * sh + 1 : sh, j : j + columns * sw + 1 : sw]
        for i in range(wh)
        for j in range(ww)
    ]
