"""Where compression shows most: the places for close-ups, found from the pixels alone."""

from dataclasses import dataclass

import numpy as np

from fnnet.ops import color

BLOCK = 8
SIDE = 64  # pixels of a place, a multiple of the block
# Steps between neighbours in the original's luma, in grey levels of 255.
FLAT = 6.0
EDGE = 40.0
SMOOTH_SHARE = 0.98


@dataclass(frozen=True)
class Place:
    """The top left corner of a square of `SIDE` pixels, and the mean of what it was found by."""

    top: int
    left: int
    score: float

    def cut(self, pixels):
        """View the square in (H, W, ...) pixels."""
        return pixels[self.top : self.top + SIDE, self.left : self.left + SIDE]


def find_places(original, decoded):
    """Find the squares where blocking, ringing and colour bleeding show most.

    Their corners lie on the grid of 8 pixels, and they keep 8 pixels from the border: the frames
    of scanned photographs show strong artefacts, but are no part of the image.

    Parameters
    ----------
    original, decoded : ndarray
        (H, W, 3) uint8; `decoded` is a JPEG version.

    Returns
    -------
    dict of str to Place
        By artefact. One that does not occur is left out, and so are all in images with a side
        below 80 pixels.
    """
    before, after = (
        color.rgb_to_ycbcr(pixels.astype(np.float32), peak=255.0) for pixels in (original, decoded)
    )
    steps = _steps(before[..., 0])
    flat = _neighbourhood_mean(steps) < FLAT
    edges = _block_sums(steps > EDGE) > 0
    smooth = _window_sums(_block_sums(flat)) > SMOOTH_SHARE * SIDE**2
    scores = {
        "blocking": _window_sums(blocking(after[..., 0], flat)) * smooth,
        "ringing": _window_sums(ringing(before[..., 0], after[..., 0], flat) * edges),
        "colour bleeding": _window_sums(bleeding(before, after)),
    }
    found = {name: _best(sums) for name, sums in scores.items()}
    return {name: place for name, place in found.items() if place is not None}


def blocking(after, flat):
    """Score each block by the steps at its upper and left edge where the original was flat.

    Parameters
    ----------
    after : ndarray
        (H, W), the version's luma.
    flat : ndarray
        (H, W) bool: where the original is.

    Returns
    -------
    ndarray
        (H // 8, W // 8): sums of absolute steps in grey levels; 0 at the image's own border.
    """
    across = np.zeros_like(after)
    across[BLOCK::BLOCK] = np.abs(np.diff(after, axis=0))[BLOCK - 1 :: BLOCK]
    across[:, BLOCK::BLOCK] += np.abs(np.diff(after, axis=1))[:, BLOCK - 1 :: BLOCK]
    return _block_sums(across * flat)


def ringing(before, after, flat):
    """Score each block by how far the luma's error varies where the original was flat.

    The sum of absolute steps of the error, (H // 8, W // 8). In a block that an edge crosses, these
    are the edge's own waves, cut short in frequency.
    """
    return _block_sums(_steps(after - before) * flat)


def bleeding(before, after):
    """Score each block by the chroma's absolute error: YCbCr (H, W, 3) to (H // 8, W // 8)."""
    return _block_sums(np.abs(after[..., 1:] - before[..., 1:]).sum(axis=-1))


def _steps(luma):
    """Compute the larger absolute step to the next row or column, by pixel."""
    down = np.abs(np.diff(luma, axis=0, append=luma[-1:]))
    return np.maximum(down, np.abs(np.diff(luma, axis=1, append=luma[:, -1:])))


def _neighbourhood_mean(plane):
    """Average over 3x3 pixels."""
    for axis in (0, 1):
        plane = (plane + np.roll(plane, 1, axis) + np.roll(plane, -1, axis)) / 3
    return plane


def _block_sums(plane):
    rows, columns = (length // BLOCK for length in plane.shape)
    whole = plane[: rows * BLOCK, : columns * BLOCK]
    return whole.reshape(rows, BLOCK, columns, BLOCK).sum(axis=(1, 3), dtype=np.float64)


def _window_sums(scores):
    """Sum over all squares of `SIDE` pixels that keep one block from the border."""
    count = SIDE // BLOCK
    inside = scores[1:-1, 1:-1]
    if min(inside.shape) < count:
        return np.zeros((0, 0))
    return np.lib.stride_tricks.sliding_window_view(inside, (count, count)).sum(axis=(2, 3))


def _best(sums):
    if not sums.size or sums.max() <= 0:
        return None
    row, column = (int(index) for index in np.unravel_index(np.argmax(sums), sums.shape))
    return Place((row + 1) * BLOCK, (column + 1) * BLOCK, float(sums[row, column]) / SIDE**2)
