"""RGB and YCbCr in both ranges in which images are measured, for NumPy and JAX arrays.

Nothing is clipped or rounded, so that out-of-range colours stay visible.
"""

import numpy as np

from fnnet.core import at_least_float32, require

# Red, green and blue weigh (0.299, 0.587, 0.114) in BT.601's luma; chroma is B - Y and R - Y,
# scaled to ±1/2.
_LUMA = np.array([0.299, 0.587, 0.114])
_BLUE, _RED = np.eye(3)[2] - _LUMA, np.eye(3)[0] - _LUMA
_FULL = np.stack([_LUMA, _BLUE / (2 * (1 - 0.114)), _RED / (2 * (1 - 0.299))])
_FULL_OFFSETS = (0, 128, 128)

# MATLAB's table, chroma to three decimals. Multiplied by (1 / 255), not divided by 255: the
# published grey LIVE1 has pixels that are exact ties before rounding, decided by these products.
_STUDIO = np.array(
    [[65.481, 128.553, 24.966], [-37.797, -74.203, 112.0], [112.0, -93.786, -18.214]]
) * (1 / 255)
_STUDIO_OFFSETS = (16, 128, 128)


def rgb_to_ycbcr(x, *, peak=1.0):
    """Convert RGB to full-range YCbCr, the form inside JPEG files: (..., 3) -> (..., 3).

    ``Y = 0.299 R + 0.587 G + 0.114 B``, ``Cb = (B - Y) / 1.772 + c``, ``Cr = (R - Y) / 1.402 + c``
    with ``c = 128/255 peak``.

    Parameters
    ----------
    x : array (..., 3)
        NumPy or JAX; the result has the same type and dtype, computed in float32 or wider.
    peak : float
        The value of white: 1, or 255 for grey levels.

    Raises
    ------
    LayerError
        If the last axis has not three channels, the values are integers, or `peak` is not above 0.

    References
    ----------
    ITU-T T.871 (JFIF), section 7, with the coefficients of ITU-R BT.601.
    """
    return _from_rgb(x, _FULL, _FULL_OFFSETS, peak)


def ycbcr_to_rgb(x, *, peak=1.0):
    """Convert full-range YCbCr to RGB: (..., 3) -> (..., 3).

    The inverse of `rgb_to_ycbcr` for the same `peak`; raises the same errors.
    """
    return _to_rgb(x, _FULL, _FULL_OFFSETS, peak)


def rgb_to_ycbcr_studio(x, *, peak=1.0):
    """Convert RGB to studio-range YCbCr, MATLAB's ``rgb2ycbcr``: (..., 3) -> (..., 3).

    On grey levels (``peak=255``) ``Y = (65.481 R + 128.553 G + 24.966 B) / 255 + 16``, from 16 to
    235; chroma goes from 16 to 240 around 128. In NumPy float64, ``floor(Y + 0.5)`` reproduces
    every pixel of the grey LIVE1 of the literature on artefact removal. Arguments and errors as in
    `rgb_to_ycbcr`.
    """
    return _from_rgb(x, _STUDIO, _STUDIO_OFFSETS, peak)


def ycbcr_studio_to_rgb(x, *, peak=1.0):
    """Convert studio-range YCbCr to RGB: (..., 3) -> (..., 3).

    The inverse of `rgb_to_ycbcr_studio` for the same `peak`; raises the same errors.
    """
    return _to_rgb(x, _STUDIO, _STUDIO_OFFSETS, peak)


def _from_rgb(x, matrix, offsets, peak):
    require(peak > 0, f"peak={peak} must be above 0")
    channels = _channels(x)
    shifted = [
        y + offset * (peak / 255) for y, offset in zip(_mix(channels, matrix), offsets, strict=True)
    ]
    return _stack(shifted, x)


def _to_rgb(x, matrix, offsets, peak):
    require(peak > 0, f"peak={peak} must be above 0")
    centred = [
        channel - offset * (peak / 255)
        for channel, offset in zip(_channels(x), offsets, strict=True)
    ]
    return _stack(_mix(centred, np.linalg.inv(matrix)), x)


def _channels(x):
    hint = "; channels come last: did they come first?" if x.shape[-3:-2] == (3,) else ""
    require(x.shape[-1:] == (3,), f"expects colours (..., 3), got shape {x.shape}{hint}")
    x = at_least_float32(x)
    return [x[..., channel] for channel in range(3)]


def _mix(channels, matrix):
    """Compute weighted sums from left to right; a matrix product may add and round differently."""
    a, b, c = channels
    return [a * row[0] + b * row[1] + c * row[2] for row in matrix.tolist()]


def _stack(channels, x):
    return x.__array_namespace__().stack(channels, -1).astype(x.dtype)
