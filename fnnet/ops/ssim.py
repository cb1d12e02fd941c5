"""Structural similarity (SSIM) for NumPy and JAX arrays: one arithmetic for metric and loss."""

from typing import NamedTuple

import numpy as np

from fnnet.core import require
from fnnet.ops.pool import avg_pool


class Window(NamedTuple):
    """Window of local means: `weights` along rows and columns, which sum to 1.

    Variances and covariances are multiplied by `correction`.
    """

    weights: tuple[float, ...]
    correction: float = 1.0


_BELL = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))

GAUSSIAN_11 = Window(tuple((_BELL / _BELL.sum()).tolist()))
UNIFORM_7 = Window((1 / 7,) * 7, correction=49 / 48)  # the sample covariance: n / (n - 1)
BOX_8 = Window((1 / 8,) * 8)

# The exponents of the five scales, finest first, as Wang, Simoncelli, Bovik 2003 found them.
_SCALES = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
MS_SSIM_LEAST = 161  # pixels: halved four times, it is the Gaussian window's 11


def require_size(name, x, least):
    """Raise unless height and width of images (N, H, W, C) are at least `least` pixels."""
    height, width, channels = x.shape[1:]
    channels_first = height in (1, 3) and channels not in (1, 3)
    hint = "; images are NHWC: did channels come first?" if channels_first else ""
    require(
        min(height, width) >= least,
        f"{name} needs at least {least}x{least} pixels, got {height}x{width}{hint}",
    )


def similarity_maps(x, y, window, *, peak):
    """Compute SSIM and its contrast-structure term wherever the window is inside the image.

    With the window's means m, variances v and covariance c of both images,
    ``SSIM = (2 mx my + C1) / (mx² + my² + C1) * contrast``,
    ``contrast = (2 cxy + C2) / (vx + vy + C2)``, ``C1 = (0.01 peak)²``, ``C2 = (0.03 peak)²``.

    Parameters
    ----------
    x, y : array (N, H, W, C)
        Floating-point, both NumPy or both JAX, at least as large as the window.
    window : Window
    peak : float
        The value of white.

    Returns
    -------
    SSIM, contrast : array (N, H - size + 1, W - size + 1, C)

    Notes
    -----
    In float32, ``E[x²] - E[x]²`` cancels where an image is bright and flat. So each channel's mean
    is subtracted first, and both factors are written as 1 minus a small term of the difference
    ``d = x - y``, whose variance is ``vx + vy - 2 cxy``.

    References
    ----------
    Wang, Bovik, Sheikh, Simoncelli 2004, doi:10.1109/TIP.2003.819861, equation 13.
    """
    require(peak > 0, f"peak={peak} must be above 0")
    xp = x.__array_namespace__()
    x_level, y_level = x.mean((1, 2), keepdims=True), y.mean((1, 2), keepdims=True)
    x, y = x - x_level, y - y_level
    d = x - y
    # As one array: XLA would recompute the first axis's sums for every tap of the second.
    sums = xp.concatenate([x, y, x * x + y * y, d * d])
    for axis in (1, 2):
        sums = _weighted(sums, window.weights, axis)
    mx, my, squares, d_squares = xp.split(sums, 4)
    md = mx - my
    variances = window.correction * (squares - mx * mx - my * my)
    d_variance = window.correction * (d_squares - md * md)
    contrast = 1 - d_variance / (variances + (0.03 * peak) ** 2)
    mx, my, md = mx + x_level, my + y_level, md + (x_level - y_level)
    return (1 - md * md / (mx * mx + my * my + (0.01 * peak) ** 2)) * contrast, contrast


def _weighted(x, weights, axis):
    """Average along an axis under a sliding window that stays inside."""
    size = x.shape[axis] - len(weights) + 1
    before = (slice(None),) * axis
    # Summed first, then multiplied: two taps or all of them share a weight in these windows.
    taps = {}
    for i, weight in enumerate(weights):
        taps.setdefault(weight, []).append(x[(*before, slice(i, i + size))])
    return sum(weight * sum(same[1:], start=same[0]) for weight, same in taps.items())


def ms_ssim(x, y, channel_means):
    """Compute multi-scale SSIM over five scales: (N, H, W, C) twice -> (N,).

    ``prod_j mean(contrast_j)^w_j``, with SSIM for the contrast at the fifth scale, per channel,
    then the mean over channels; a mean below 0 counts as 0. ``channel_means(x, y)`` returns the
    mean of each of the two `similarity_maps` over each channel, (N, C) twice.

    Wang, Simoncelli, Bovik 2003, doi:10.1109/ACSSC.2003.1292216, equation 7.
    """
    *finer, coarsest = _SCALES
    product = 1.0
    for exponent in finer:
        product = product * _power(channel_means(x, y)[1], exponent)
        x, y = _halve(x), _halve(y)
    return (product * _power(channel_means(x, y)[0], coarsest)).mean(1)


def _power(mean, exponent):
    """Raise positive values to `exponent`; others become 0, with a gradient of 0, not infinite."""
    where, positive = mean.__array_namespace__().where, mean > 0
    return where(positive, where(positive, mean, 1.0) ** exponent, 0.0)


def _halve(x):
    """Average 2x2 pixels; odd sizes are first padded by a zero row on top or column on the left."""
    _, height, width, _ = x.shape
    edges = ((0, 0), (height % 2, 0), (width % 2, 0), (0, 0))
    return avg_pool(x.__array_namespace__().pad(x, edges))
