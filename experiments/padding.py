"""Pictures of any size for networks that need sides divisible by a number."""

import jax.numpy as jnp
import numpy as np


def padded(x, multiple):
    """Continue pictures (N, H, W, C) at the bottom and on the right to multiples of `multiple`.

    By reflection; by the edge, where a side is too short to reflect.
    """
    return _pad(_pad(x, 1, multiple), 2, multiple)


def padded_pixels(pixels, multiple):
    """Do the same to one picture (H, W, C) in NumPy."""
    for axis in (0, 1):
        missing, mode = _missing(pixels.shape[axis], multiple)
        widths = [(0, missing if a == axis else 0) for a in range(3)]
        pixels = np.pad(pixels, widths, mode=mode)
    return pixels


def cropped(x, size):
    """Take away again what `padded` added to pictures of ``size = (H, W)``."""
    return x[:, : size[0], : size[1]]


def _pad(x, axis, multiple):
    missing, mode = _missing(x.shape[axis], multiple)
    widths = [(0, missing if a == axis else 0) for a in range(x.ndim)]
    return jnp.pad(x, widths, mode=mode)


def _missing(side, multiple):
    missing = -side % multiple
    return missing, "reflect" if missing < side else "edge"
