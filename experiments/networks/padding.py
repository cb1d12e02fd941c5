"""Padding of images to multiples of a network's stride, and centring of their values."""

import jax.numpy as jnp
import numpy as np

from fnnet.core import require


def prepared(x, multiple):
    """Pad images (N, H, W, 3) to multiples of `multiple`, and centre grey levels 0..1 on 0.

    Bottom and right are padded by reflection, or by the edge of an image too small to reflect.
    """
    require(x.ndim == 4, f"expects images (N, H, W, C), got {x.ndim} axes")
    first = "; images are NHWC: did channels come first?" if x.shape[1] == 3 else ""
    require(x.shape[3] == 3, f"expects 3 channels, the last axis has {x.shape[3]}{first}")
    return _padded(x, multiple, (1, 2), jnp.pad) - 0.5


def finished(y, size):
    """Undo `prepared` on a network's output, for images of ``size = (H, W)``."""
    return y[:, : size[0], : size[1]] + 0.5


def padded_pixels(pixels, multiple):
    """Pad one image (H, W, C), of any dtype, as `prepared` does."""
    return _padded(pixels, multiple, (0, 1), np.pad)


def _padded(x, multiple, axes, pad):
    for axis in axes:
        missing = -x.shape[axis] % multiple
        widths = [(0, missing if a == axis else 0) for a in range(x.ndim)]
        x = pad(x, widths, mode="reflect" if missing < x.shape[axis] else "edge")
    return x
