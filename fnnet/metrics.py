"""Measures of a decoded image against its original, on the grey levels 0 to 255.

They take NumPy arrays of 8-bit values, or of floats on the same scale: a batch (N, H, W, C), for
which they return one float64 value per image, (N,), or one image (H, W, C), for which they return
a scalar. A `LayerError` is raised for floats that are not finite or all at most 1. Images are
measured whole, at their own size: no crop, no border. Clip and round a network's output first
(`to_8_bit`). Published figures differ by window, form and range, so each convention has its own
name.
"""

from functools import wraps

import numpy as np

from fnnet.core import require, require_integer
from fnnet.ops import color
from fnnet.ops import ssim as ssim_ops

__all__ = [
    "bits_per_pixel",
    "ms_ssim",
    "psnr",
    "psnrb",
    "psnrb_channels",
    "ssim",
    "ssim_box8",
    "ssim_uniform7",
    "to_8_bit",
]

_STRIP = 64  # rows


def _of_images(metric):
    """Check both arrays of a metric of batches, and let it take single images too."""

    @wraps(metric)
    def measure(original, other):
        shapes = np.shape(original), np.shape(other)
        require(
            shapes[0] == shapes[1] and len(shapes[0]) in (3, 4),
            f"expects two equal shapes (N, H, W, C) or (H, W, C), got {shapes[0]} and {shapes[1]}",
        )
        images = np.asarray(original), np.asarray(other)
        for x in images:
            _require_grey_levels(x)
        if len(shapes[0]) == 4:
            return metric(*images)
        return metric(*(x[None] for x in images))[0]

    return measure


def to_8_bit(x):
    """Convert values in 0..1 to grey levels: times 255, clipped, rounded to nearest, uint8.

    Raises `LayerError` for integers, `ValueError` for values that are not finite.
    """
    x = np.asarray(x)
    require(
        not _is_integer(x), f"to_8_bit expects floats in 0..1, got {x.dtype}: grey levels already?"
    )
    x = x.astype(np.float64)
    if not np.isfinite(x).all():
        raise ValueError(f"to_8_bit: {(~np.isfinite(x)).sum()} values are not finite")
    return np.rint(np.clip(x * 255, 0, 255)).astype(np.uint8)


def bits_per_pixel(file_bytes, height, width):
    """Compute a file's rate, headers included: ``8 file_bytes / (height width)``.

    All are integers, `height` and `width` at least 1.
    """
    require_integer("bits_per_pixel: file_bytes", file_bytes, least=0)
    require_integer("bits_per_pixel: height", height)
    require_integer("bits_per_pixel: width", width)
    return 8 * file_bytes / (height * width)


@_of_images
def psnr(original, other):
    """Compute the peak signal-to-noise ratio ``10 log10(255² / MSE)`` in dB; inf if equal.

    One MSE over all samples of all channels ("PSNR-RGB" for colour).
    """
    return _decibels(_squared_error(original, other).mean((1, 2, 3)))


@_of_images
def ssim(original, other):
    """Compute structural similarity, Gaussian window 11x11 with sigma 1.5; 1 for equal images.

    The mean over all window positions wholly inside the image, of each channel separately, then
    over channels. C1 = (0.01 * 255)², C2 = (0.03 * 255)², moments without the n-1
    correction. Equals scikit-image's ``structural_similarity(..., gaussian_weights=True,
    sigma=1.5, use_sample_covariance=False, data_range=255)``. This is the form that most papers on
    artefact removal report.

    Raises
    ------
    LayerError
        If an image is smaller than the window.

    References
    ----------
    Wang, Bovik, Sheikh, Simoncelli 2004, doi:10.1109/TIP.2003.819861, equation 13.
    """
    return _mean_ssim("ssim", original, other, ssim_ops.GAUSSIAN_11)


@_of_images
def ssim_uniform7(original, other):
    """Compute `ssim` with 7x7 equal weights and sample covariances, scikit-image's default."""
    return _mean_ssim("ssim_uniform7", original, other, ssim_ops.UNIFORM_7)


@_of_images
def ssim_box8(original, other):
    """Compute `ssim` with 8x8 equal weights, as in ARCNN's and QGAC's published rows."""
    return _mean_ssim("ssim_box8", original, other, ssim_ops.BOX_8)


@_of_images
def ms_ssim(original, other):
    """Compute multi-scale SSIM over five scales, the usual measure of learned compression.

    ``prod_j mean(contrast_j)^w_j`` under `ssim`'s window, with SSIM for the contrast at the fifth
    scale and w = 0.0448, 0.2856, 0.3001, 0.2363, 0.1333; of each channel separately, then the
    mean over channels. Between scales 2x2 pixels are averaged; an odd height first gets a zero row
    on top, an odd width a zero column on the left, as in pytorch-msssim. Means below 0 count as 0.

    Raises
    ------
    LayerError
        If height or width is 160 pixels or less.

    References
    ----------
    Wang, Simoncelli, Bovik 2003, doi:10.1109/ACSSC.2003.1292216, equation 7.
    """
    ssim_ops.require_size("ms_ssim", original, ssim_ops.MS_SSIM_LEAST)
    return ssim_ops.ms_ssim(
        original.astype(np.float64),
        other.astype(np.float64),
        lambda x, y: _channel_means(x, y, ssim_ops.GAUSSIAN_11),
    )


@_of_images
def psnrb(original, other):
    """Compute PSNR with a penalty for blocks, ``10 log10(255² / (MSE + BEF))`` in dB.

    This is FBCNN's form. BEF (the blocking effect factor) is measured on `other` alone, at the
    edges of 8x8 blocks counted from its top left corner. With D_b the mean squared difference of
    neighbours across an edge and D_n that of all other neighbours, it is
    ``log2(8) / log2(min(H, W)) * (D_b - D_n)`` if ``D_b > D_n``, else 0. Neighbours across an edge
    are counted as ``H (W / 8 - 1) + W (H / 8 - 1)``. For colour images, one MSE over RGB and the
    BEF of the studio-range luma, rounded.

    Raises
    ------
    LayerError
        If height or width is below 16 pixels, or there are neither one nor three channels.

    References
    ----------
    Yim, Bovik 2011, doi:10.1109/TIP.2010.2061859, with blocks of 8 only.
    """
    ssim_ops.require_size("psnrb", original, 16)
    channels = original.shape[3]
    require(channels in (1, 3), f"psnrb expects 1 or 3 channels, got {channels}")
    plane = other.astype(np.float64)
    if channels == 3:
        plane = np.floor(color.rgb_to_ycbcr_studio(plane, peak=255.0)[..., :1] + 0.5)
    blocking = _blocking(plane, height_blocks=plane.shape[1] / 8, width_blocks=plane.shape[2] / 8)
    return _decibels(_squared_error(original, other).mean((1, 2, 3)) + blocking[:, 0])


@_of_images
def psnrb_channels(original, other):
    """Compute PSNR-B as in QGAC and SwinIR: per channel, then the mean of the dB values.

    It differs from `psnrb` for colour images, and for sizes that are not multiples of 8: neighbours
    across an edge are counted as ``H (W // 8 - 1) + W (H // 8 - 1)``. Height and width are at least
    16 pixels. Yim, Bovik 2011, doi:10.1109/TIP.2010.2061859.
    """
    ssim_ops.require_size("psnrb_channels", original, 16)
    plane = other.astype(np.float64)
    blocking = _blocking(plane, height_blocks=plane.shape[1] // 8, width_blocks=plane.shape[2] // 8)
    return _decibels(_squared_error(original, other).mean((1, 2)) + blocking).mean(1)


def _squared_error(original, other):
    return np.square(np.subtract(original, other, dtype=np.float64))


def _decibels(error):
    with np.errstate(divide="ignore"):
        return 10 * np.log10(255**2 / error)


def _mean_ssim(name, original, other, window):
    ssim_ops.require_size(name, original, len(window.weights))
    return _channel_means(original, other, window)[0].mean(1)


def _channel_means(original, other, window):
    """Average SSIM and its contrast term over each channel: (2, N, C)."""
    pairs = zip(np.moveaxis(original, 3, 1), np.moveaxis(other, 3, 1), strict=True)
    means = [[_plane_means(x, y, window) for x, y in zip(*pair, strict=True)] for pair in pairs]
    return np.moveaxis(np.array(means), 2, 0)


def _plane_means(x, y, window):
    """Average SSIM and its contrast term over two planes (H, W): (2,)."""
    size = len(window.weights)
    height, width = x.shape[0] - size + 1, x.shape[1] - size + 1
    # In strips of rows: the maps of a large photograph would fill the memory, and arrays of several
    # megabytes, mapped anew each time, take three times as long because of page faults.
    sums = 0
    for top in range(0, height, _STRIP):
        rows = slice(top, top + _STRIP + size - 1)
        strips = (plane[None, rows, :, None].astype(np.float64) for plane in (x, y))
        sums = sums + np.sum(ssim_ops.similarity_maps(*strips, window, peak=255.0), (1, 2, 3, 4))
    return sums / (height * width)


def _blocking(plane, *, height_blocks, width_blocks):
    """Compute PSNR-B's BEF of each channel: (N, H, W, C) -> (N, C)."""
    _, height, width, _ = plane.shape
    along_rows = np.square(np.diff(plane, axis=2))
    along_columns = np.square(np.diff(plane, axis=1))
    edges = along_rows[:, :, 7::8].sum((1, 2)) + along_columns[:, 7::8].sum((1, 2))
    others = along_rows.sum((1, 2)) + along_columns.sum((1, 2)) - edges
    edge_count = height * (width_blocks - 1) + width * (height_blocks - 1)
    other_count = height * (width - 1) + width * (height - 1) - edge_count
    excess = edges / edge_count - others / other_count
    return np.log2(8) / np.log2(min(height, width)) * np.maximum(excess, 0)


def _require_grey_levels(x):
    if _is_integer(x):
        return
    finite = np.isfinite(x)
    require(finite.all(), f"expects grey levels 0..255, {(~finite).sum()} values are not finite")
    require(
        not x.any() or x.max() > 1,
        "expects grey levels 0..255, got floats of at most 1; to_8_bit makes grey levels of these",
    )


def _is_integer(x):
    return x.dtype.kind in "biu"
