"""Descriptors of 8-bit photographs: functions from arrays to numbers.

Those of luma take (H, W) on the grey levels 0 to 255 and return None where an image is too small,
or too flat, for the number to mean anything.
"""

import math

import numpy as np

from fnnet.ops import color

BLOCK = 8
PATCH = 8
GRID_LEAST = 256
INVISIBLE = 0.1  # grey levels
PATCHES = 40_000  # estimate a noise level to a percent; more only cost time and memory
BLUR = 9


def luma(pixels):
    """Compute the luma of RGB pixels, 0 to 255: (H, W, 3) uint8 -> (H, W) float32.

    BT.601's weights at full range, as for the luma in a JPEG file.
    """
    return color.rgb_to_ycbcr(pixels.astype(np.float32), peak=255.0)[..., 0]


def brightness(luma):
    """Compute the mean luma, 0 to 255."""
    return float(luma.mean(dtype=np.float64))


def contrast(luma):
    """Compute the standard deviation of luma, 0 to 127.5: Peli 1990, doi:10.1364/JOSAA.7.002032."""
    return float(luma.std(dtype=np.float64))


def colorfulness(pixels):
    """Compute the colourfulness of RGB pixels: 0 for grey, about 109 if "extremely colourful".

    With ``rg = R - G`` and ``yb = (R + G) / 2 - B``, of means m and standard deviations s:
    ``sqrt(s_rg² + s_yb²) + 0.3 sqrt(m_rg² + m_yb²)``. Hasler, Süsstrunk 2003,
    doi:10.1117/12.477378, its third metric.
    """
    red, green, blue = np.moveaxis(pixels.astype(np.float32), -1, 0)
    opponents = red - green, (red + green) / 2 - blue
    spread = math.hypot(*(plane.std(dtype=np.float64) for plane in opponents))
    return spread + 0.3 * math.hypot(*(plane.mean(dtype=np.float64) for plane in opponents))


def noise_sigma(luma):
    """Estimate the standard deviation of white noise in an image, in grey levels.

    The 8x8 patches of a photograph lie near a subspace of few dimensions; in all other dimensions
    there is only noise. So the smallest eigenvalues of the patches' covariance scatter around the
    noise's variance: the largest ones are left out until the mean of the rest is its median. None
    below 1024 patches, say 40x40 pixels. Texture as fine as noise counts as noise; compression and
    blur lower it to nearly 0.

    Chen, Zhu, Heng 2015, doi:10.1109/ICCV.2015.62. Patches are taken from a regular grid of up to
    40,000 positions, not at every pixel.
    """
    rows, columns = (max(length - PATCH + 1, 0) for length in luma.shape)
    if rows * columns < 16 * PATCH**2:
        return None
    step = math.ceil(math.sqrt(rows * columns / PATCHES))
    windows = np.lib.stride_tricks.sliding_window_view(luma, (PATCH, PATCH))[::step, ::step]
    patches = windows.reshape(-1, PATCH**2).astype(np.float64)
    values = np.linalg.eigvalsh(np.cov(patches, rowvar=False))[::-1]
    for first in range(len(values)):
        rest = values[first:]
        if (rest > rest.mean()).sum() == (rest < rest.mean()).sum():
            break
    return math.sqrt(max(float(rest.mean()), 0.0))


def sharpness(luma):
    """Compute the share of the steps between neighbours that a blur removes, 0 to 1.

    Blurring changes a sharp image much and a blurred one little: this is the share of the absolute
    steps that vanishes when 9 pixels in a line are averaged, in the direction where it is smaller.
    It does not depend on contrast; noise counts as sharp. None below 11 pixels in height or width,
    and for a flat image. 1 minus the blur of Crete, Dolmiere, Ladret, Nicolas 2007,
    doi:10.1117/12.702790.
    """
    if min(luma.shape) < BLUR + 2:
        return None
    shares = [share for plane in (luma, luma.T) if (share := _share_lost(plane)) is not None]
    return min(shares, default=None)


def _share_lost(plane):
    sums = np.cumsum(plane, axis=0, dtype=np.float64)
    blurred = (sums[BLUR:] - sums[:-BLUR]) / BLUR
    # Row i of `blurred` is centred on row i + 5 of the image.
    steps = np.abs(np.diff(plane[BLUR // 2 + 1 : -(BLUR // 2)], axis=0))
    total = float(steps.sum(dtype=np.float64))
    remaining = np.abs(np.diff(blurred, axis=0))
    return float(np.maximum(steps - remaining, 0).sum()) / total if total else None


def blockiness(luma, offset=(0, 0)):
    """Compute the ratio of steps across the edges of 8x8 blocks to those just beside them.

    For each line between two rows: the mean absolute step across it, divided by that of the two
    lines next to it. The median of these ratios is taken over the lines where blocks meet; then
    the geometric mean of that for rows and that for columns. A frame, a horizon or a texture,
    which a plain ratio of mean steps mistakes for a grid, is on few lines or on all alike. 0.1
    grey levels are added to every step: blocks without any step inside have a large ratio, not an
    infinite one.

    `offset` is the row and column of the first whole block, 0 to 7: (0, 0) for a JPEG version.
    Returns 1 where the grid is like other lines, or the image is flat; None below 16x16 pixels.
    Steps at block edges over steps inside, as in Wang, Sheikh, Bovik 2002,
    doi:10.1109/ICIP.2002.1038064; the medians are ours.
    """
    if min(luma.shape) < 2 * BLOCK:
        return None
    rows, columns = _ratios_by_offset(luma)
    return math.sqrt(rows[offset[0]] * columns[offset[1]])


def strongest_grid(luma):
    """Find the offset at which an 8x8 grid shows most: an image may be cropped after compression.

    Returns the largest `blockiness` over all 64 offsets, and that offset. As a maximum it is
    slightly above 1 without a grid; None below 256x256 pixels, where it is more than slightly.
    """
    if min(luma.shape) < GRID_LEAST:
        return None, (0, 0)
    rows, columns = _ratios_by_offset(luma)
    offset = int(np.argmax(rows)), int(np.argmax(columns))
    return math.sqrt(rows[offset[0]] * columns[offset[1]]), offset


def _ratios_by_offset(luma):
    """Compute the median ratio of a line's steps to its neighbours', by axis and offset: (2, 8)."""
    medians = np.empty((2, BLOCK))
    for axis in (0, 1):
        steps = np.abs(np.diff(luma, axis=axis)).mean(axis=1 - axis, dtype=np.float64) + INVISIBLE
        beside = np.pad(steps, 1, mode="reflect")
        ratios = 2 * steps / (beside[:-2] + beside[2:])
        # Line i lies between rows i and i + 1: there a block begins at i + 1.
        medians[axis] = [np.median(ratios[(start - 1) % BLOCK :: BLOCK]) for start in range(BLOCK)]
    return medians


def histogram(pixels, luma):
    """Count grey levels: (4, 256) shares of luma, red, green and blue; each row sums to 1."""
    planes = [np.rint(luma).astype(np.uint8), *np.moveaxis(pixels, -1, 0)]
    return np.stack([np.bincount(plane.ravel(), minlength=256) for plane in planes]) / luma.size


def rank_correlation(x, y):
    """Compute Spearman's rank correlation of two lists of numbers, and the count of pairs.

    Pairs are left out where a number is None, NaN or infinite; ties share a rank. The correlation
    is -1 to 1, None below three pairs and where one list is all ties.
    """
    from scipy.stats import spearmanr  # takes a second, and only sets with scores need it

    pairs = np.array([x, y], dtype=np.float64)
    pairs = pairs[:, np.isfinite(pairs).all(axis=0)]
    count = pairs.shape[1]
    if count < 3 or not np.ptp(pairs, axis=1).all():
        return None, count
    return float(spearmanr(*pairs).statistic), count
