"""The squares of an image in which compression artefacts show most, for close-ups."""

from dataclasses import dataclass

import numpy as np

from fnnet.ops import color

BLOCK = 8
SIZE = 64  # of a close-up in pixels, a multiple of the block
# Steps between neighbours in the original's luma, in grey levels of 255.
FLAT = 6.0
EDGE = 40.0
SMOOTH_SHARE = 0.98


@dataclass(frozen=True)
class CloseUp:
    """A square of `SIZE` pixels: its top left corner, and its artefact's mean score per pixel."""

    top: int
    left: int
    score: float

    def cut(self, pixels):
        """Return the square of (H, W, ...) pixels, a view."""
        return pixels[self.top : self.top + SIZE, self.left : self.left + SIZE]


def find_close_ups(original, decoded):
    """Find the squares where blocking, ringing and colour bleeding show most, by artefact.

    Takes (H, W, 3) uint8 pixels of an original and of its JPEG version. Corners lie on the 8-pixel
    grid, at least 8 pixels from the border: the frames of scanned photographs show strong
    artefacts, but are no part of the image. Artefacts that do not occur are left out, and so are
    all in images of less than 80 pixels in height or width.
    """
    before, after = (
        color.rgb_to_ycbcr(pixels.astype(np.float32), peak=255.0) for pixels in (original, decoded)
    )
    steps = _steps(before[..., 0])
    flat = _neighbourhood_mean(steps) < FLAT
    edges = _block_sums(steps > EDGE) > 0
    smooth = _window_sums(_block_sums(flat)) > SMOOTH_SHARE * SIZE**2
    scores = {
        "blocking": _window_sums(blocking(after[..., 0], flat)) * smooth,
        "ringing": _window_sums(ringing(before[..., 0], after[..., 0], flat) * edges),
        "colour bleeding": _window_sums(bleeding(before, after)),
    }
    best = {name: _best(sums) for name, sums in scores.items()}
    return {name: close_up for name, close_up in best.items() if close_up is not None}


def blocking(after, flat):
    """Score each block by the steps at its upper and left edge where the original was flat.

    Takes the version's luma, and a bool plane, both (H, W). Returns sums of absolute steps in grey
    levels, (H // 8, W // 8); 0 at the image's border.
    """
    across = np.zeros_like(after)
    across[BLOCK::BLOCK] = np.abs(np.diff(after, axis=0))[BLOCK - 1 :: BLOCK]
    across[:, BLOCK::BLOCK] += np.abs(np.diff(after, axis=1))[:, BLOCK - 1 :: BLOCK]
    return _block_sums(across * flat)


def ringing(before, after, flat):
    """Score each block by the variation of the luma's error where the original was flat.

    The sum of absolute steps of the error, (H // 8, W // 8). In a block that an edge crosses, these
    are the waves of that edge without its high frequencies.
    """
    return _block_sums(_steps(after - before) * flat)


def bleeding(before, after):
    """Score each block by the chroma's absolute error: YCbCr (H, W, 3) to (H // 8, W // 8)."""
    return _block_sums(np.abs(after[..., 1:] - before[..., 1:]).sum(axis=-1))


def _steps(luma):
    """Compute each pixel's larger absolute step to the next row or column."""
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
    """Sum over all squares of `SIZE` pixels that lie at least one block from the border."""
    count = SIZE // BLOCK
    inside = scores[1:-1, 1:-1]
    if min(inside.shape) < count:
        return np.zeros((0, 0))
    return np.lib.stride_tricks.sliding_window_view(inside, (count, count)).sum(axis=(2, 3))


def _best(sums):
    if not sums.size or sums.max() <= 0:
        return None
    row, column = (int(index) for index in np.unravel_index(np.argmax(sums), sums.shape))
    return CloseUp((row + 1) * BLOCK, (column + 1) * BLOCK, float(sums[row, column]) / SIZE**2)
