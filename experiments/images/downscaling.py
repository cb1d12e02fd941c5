"""Downscaling without aliasing."""

import numpy as np
from PIL import Image


def downscaled(pixels, factor):
    """Scale a (H, W, 3) uint8 image down by one factor in both directions, with a Lanczos filter.

    Height and width become ``max(1, round(length / factor))``; a factor below 1 raises
    `ValueError`.
    """
    height, width, _ = downscaled_shape(pixels.shape, factor)
    if (height, width) == pixels.shape[:2]:
        return pixels
    image = Image.fromarray(pixels).resize((width, height), Image.Resampling.LANCZOS)
    return np.asarray(image)


def downscaled_shape(shape, factor):
    """Compute the shape (H', W', 3) of an image of `shape` after `downscaled`."""
    if not factor >= 1:
        raise ValueError(f"downscaled: factor={factor} must be at least 1")
    height, width = (max(1, round(length / factor)) for length in shape[:2])
    return height, width, shape[2]
