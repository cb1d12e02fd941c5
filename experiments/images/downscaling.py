"""Making images smaller without aliasing."""

import numpy as np
from PIL import Image


def reduced(pixels, factor):
    """Scale an image down in both directions alike, by Lanczos' filter of that scale.

    Parameters
    ----------
    pixels : ndarray
        (H, W, 3) uint8.
    factor : float
        At least 1: sides become ``round(side / factor)``, but never 0.

    Returns
    -------
    ndarray
        (H', W', 3) uint8.

    Raises
    ------
    ValueError
        If the factor is below 1.
    """
    height, width, _ = reduced_shape(pixels.shape, factor)
    if (height, width) == pixels.shape[:2]:
        return pixels
    image = Image.fromarray(pixels).resize((width, height), Image.Resampling.LANCZOS)
    return np.asarray(image)


def reduced_shape(shape, factor):
    """Tell the shape (H', W', 3) that `reduced` gives to an image of `shape`."""
    if not factor >= 1:
        raise ValueError(f"reduced: factor={factor} must be at least 1")
    height, width = (max(1, round(side / factor)) for side in shape[:2])
    return height, width, shape[2]
