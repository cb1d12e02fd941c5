"""Measures of a decoded picture against its original, on the grey levels 0 to 255.

They take NumPy arrays (N, H, W, C) of 8-bit pictures, or of floats on the same scale, compute in
float64, and give one value a picture, (N,). Whole pictures at their own size: no crop, no border.
A network's output is clipped to 0..255 and rounded first (`to_8_bit`).
"""

import numpy as np

# The window that the literature on artefact removal uses; other windows give other numbers.
_GAUSSIAN = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
_GAUSSIAN /= _GAUSSIAN.sum()
_STRIP = 128  # rows


def to_8_bit(x):
    """Turn values in 0..1 into grey levels: times 255, clipped, rounded to the nearest, uint8."""
    x = np.asarray(x, np.float64)
    if not np.isfinite(x).all():
        raise ValueError(f"to_8_bit: {(~np.isfinite(x)).sum()} values are not finite")
    return np.rint(np.clip(x * 255, 0, 255)).astype(np.uint8)


def psnr(original, other):
    """Peak signal-to-noise ratio: ``10 log10(255² / MSE)`` in dB, infinite for equal pictures.

    One MSE over all samples of all channels ("PSNR-RGB" for colour).
    """
    original, other = _pictures(original, other)
    mse = np.square(np.subtract(original, other, dtype=np.float64)).mean((1, 2, 3))
    with np.errstate(divide="ignore"):
        return 10 * np.log10(255**2 / mse)


def ssim(original, other):
    """Structural similarity, Gaussian window 11x11 with sigma 1.5, 1 for equal pictures.

    The mean over all window positions that lie wholly inside the picture, of each channel for
    itself, then over channels. C1 = (0.01 * 255)², C2 = (0.03 * 255)², moments without the n-1
    correction. Equals scikit-image's ``structural_similarity(..., gaussian_weights=True,
    sigma=1.5, use_sample_covariance=False, data_range=255)``.

    Raises
    ------
    ValueError
        If a picture is smaller than the window.

    References
    ----------
    Wang, Bovik, Sheikh, Simoncelli 2004, doi:10.1109/TIP.2003.819861, equation 13.
    """
    original, other = _pictures(original, other)
    height, width = original.shape[1:3]
    if min(height, width) < 11:
        raise ValueError(f"ssim needs at least 11x11 pixels, got {height}x{width}")
    # In strips of rows: the maps of a large photograph would fill the memory.
    strips = [slice(top, top + _STRIP + 10) for top in range(0, height - 10, _STRIP)]
    maps = (_similarity(original[:, rows], other[:, rows]) for rows in strips)
    total = sum(similarity.sum((1, 2, 3)) for similarity in maps)
    return total / ((height - 10) * (width - 10) * original.shape[3])


def _similarity(original, other):
    """Compute the map of SSIM: (N, H, W, C) -> (N, H - 10, W - 10, C)."""
    original, other = original.astype(np.float64), other.astype(np.float64)
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    mx, my = _blur(original), _blur(other)
    vx = _blur(original * original) - mx * mx
    vy = _blur(other * other) - my * my
    covariance = _blur(original * other) - mx * my
    similarity = (2 * mx * my + c1) * (2 * covariance + c2)
    return similarity / ((mx * mx + my * my + c1) * (vx + vy + c2))


def _blur(x):
    """Weight by the Gaussian window, rows then columns, wholly inside: H, W -> H - 10, W - 10."""
    height, width = x.shape[1] - 10, x.shape[2] - 10
    x = sum(weight * x[:, i : i + height] for i, weight in enumerate(_GAUSSIAN))
    return sum(weight * x[:, :, i : i + width] for i, weight in enumerate(_GAUSSIAN))


def _pictures(original, other):
    if np.shape(original) != np.shape(other) or np.ndim(original) != 4:
        raise ValueError(
            f"expects two equal shapes (N, H, W, C), got {np.shape(original)} and {np.shape(other)}"
        )
    return np.asarray(original), np.asarray(other)
