"""Downscaling without aliasing."""

import numpy as np
from PIL import Image


def downscaled(pixels, factor):
    """Scale an image down by one factor in both directions, with a Lanczos filter.

    Parameters
    ----------
    pixels : ndarray
        (H, W, 3) uint8.
    factor : float
        At least 1: height and width become ``max(1, round(length / factor))``.

    Returns
    -------
    ndarray
        (H', W', 3) uint8.

    Raises
    ------
    ValueError
        If the factor is below 1.
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
