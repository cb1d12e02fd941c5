"""Resampling of images, NHWC: by an integer factor, or to any size."""

import jax.numpy as jnp
import numpy as np
from jax import lax

from fnnet.core import require, require_floating, require_integer, require_integer_pair
from fnnet.ops.checks import pair, require_images


def resize(x, *, factor=None, size=None, method="bilinear"):
    """Resample images: (N, H, W, C) -> (N, H * factor, W * factor, C) or (N, *size, C).

    Parameters
    ----------
    x : array (N, H, W, C)
    factor : int
        Enlargement, at least 1. Give either this or `size`.
    size : int or (int, int)
        Rows and columns of the result, at least 1, larger or smaller than the image's.
    method : "nearest" or "bilinear"
        "nearest" repeats or picks pixels. "bilinear" interpolates between pixel centres and
        extends the edge pixels outwards; for a smaller result its triangle widens with the step,
        against aliasing. Both are equal to ``jax.image.resize``.

    Raises
    ------
    LayerError
        If both or neither of `factor` and `size` are given, or `method` is another value.
    """
    require_images(x)
    check_resize(factor=factor, size=size, method=method)
    if factor is not None and method == "nearest":
        return jnp.repeat(jnp.repeat(x, factor, axis=1), factor, axis=2)
    require_floating(x)
    if factor is not None:
        # The barrier keeps the axes apart: fused, each pixel of the first would be interpolated
        # again for every pixel of the second that needs it, forward and in the gradient.
        rows = lax.optimization_barrier(_bilinear(x, factor, axis=1))
        return _bilinear(rows, factor, axis=2)
    along = _pick if method == "nearest" else _interpolate
    rows, columns = pair(size)
    return along(along(x, rows, axis=1), columns, axis=2)


def check_resize(*, factor, size, method):
    """Raise for settings that `resize` cannot work with."""
    require((factor is None) != (size is None), "resize: give either factor or size")
    require(
        method in ("nearest", "bilinear"),
        f"resize: method={method!r} must be 'nearest' or 'bilinear'",
    )
    if factor is None:
        require_integer_pair("resize: size", size)
    else:
        require_integer("resize: factor", factor)


def _bilinear(x, factor, axis):
    """Enlarge by a few weighted sums of shifted images, cheaper than `_interpolate`'s matrix."""
    before = jnp.concatenate([_part(x, 0, 1, axis), _part(x, 0, -1, axis)], axis)
    after = jnp.concatenate([_part(x, 1, None, axis), _part(x, -1, None, axis)], axis)
    phases = []
    for phase in range(factor):
        shift = (phase + 0.5) / factor - 0.5  # of the output's centre against the input's
        neighbour = before if shift < 0 else after
        phases.append((1 - abs(shift)) * x + abs(shift) * neighbour)
    shape = [*x.shape[:axis], x.shape[axis] * factor, *x.shape[axis + 1 :]]
    return jnp.stack(phases, axis + 1).reshape(shape)


def _part(x, start, stop, axis):
    return x[(slice(None),) * axis + (slice(start, stop),)]


def _centres(length, count):
    """Return the centres of `count` pixels in units of `length` pixels, 0 at the first's centre."""
    return (np.arange(count) + 0.5) * (length / count) - 0.5


def _pick(x, count, axis):
    nearest = np.floor(_centres(x.shape[axis], count) + 0.5).astype(int)
    return x[(slice(None),) * axis + (nearest,)]


def _interpolate(x, count, axis):
    length = x.shape[axis]
    distances = np.abs(_centres(length, count)[:, None] - np.arange(length)[None])
    weights = np.maximum(1 - distances / max(length / count, 1), 0)
    weights = jnp.asarray(weights / weights.sum(1, keepdims=True), x.dtype)
    return jnp.moveaxis(
        jnp.tensordot(weights, x, ((1,), (axis,)), precision=lax.Precision.HIGHEST), 0, axis
    )
