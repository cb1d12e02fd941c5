"""Square patches: checking that images are large enough, and cutting one out."""

import numpy as np

from experiments.images.errors import ImageError

BLOCK = 8  # size of JPEG's blocks in pixels


def check_patch(images, patch, grid="any"):
    """Raise unless a square of `patch` pixels fits into every image; `grid` as for `sample_batch`.

    `ImageError` names the smallest image and the largest patch that fits it; `patch` below 1 is a
    `ValueError`.
    """
    if patch < 1:
        raise ValueError(f"--patch {patch}: must be at least 1")
    smallest = min(images, key=lambda image: min(image.shape[:2]), default=None)
    if smallest is None:
        return
    height, width, _ = smallest.shape
    largest = min(height, width) - (BLOCK - 1 if grid == "shift" else 0)
    if largest < patch:
        shifted = " that is shifted by up to 7" if grid == "shift" else ""
        raise ImageError(
            f"{smallest.path or smallest.name}: {width}x{height} pixels is smaller than the patch "
            f"of {patch}{shifted}: leave it out, or take --patch {largest} or less"
        )


def cut(pixels, top, left, patch, *, flip, quarters):
    """Cut a square view out of (H, W, C) pixels, mirrored if `flip`, turned left by `quarters`."""
    square = pixels[top : top + patch, left : left + patch]
    return np.rot90(square[:, ::-1] if flip else square, quarters)
