"""JPEG versions of an image, compressed in memory."""

import io

import numpy as np
from PIL import Image


def jpeg_version(pixels, quality):
    """Compress pixels as JPEG in Pillow's default form and decode them again.

    In colour that is 4:2:0 at every quality, fixed Huffman tables, and interpolation of the
    decoded chroma: the colour recipe of the restoration literature.

    Parameters
    ----------
    pixels : ndarray
        uint8; (H, W, 3) is RGB, (H, W) is compressed as one channel. Others raise `ValueError`.
    quality : int
        1 to 100, on the scale of the Independent JPEG Group; others raise `ValueError`, and what
        is no integer `TypeError`.

    Returns
    -------
    tuple of ndarray, int
        The decoded pixels, uint8 of the same shape, and the bytes of the whole file.
    """
    if isinstance(quality, bool) or not isinstance(quality, int | np.integer):
        raise TypeError(f"jpeg_version: quality={quality!r} must be an integer")
    if not 1 <= quality <= 100:
        raise ValueError(f"jpeg_version: quality={quality} must be from 1 to 100")
    pixels = np.asarray(pixels)
    is_image = pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] == 3)
    if pixels.dtype != np.uint8 or not is_image:
        raise ValueError(
            f"jpeg_version: pixels of shape {pixels.shape} and type {pixels.dtype} "
            "must be uint8 of shape (H, W) or (H, W, 3)"
        )
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, "JPEG", quality=int(quality))
    with Image.open(buffer, formats=["JPEG"]) as image:
        return np.array(image), buffer.getbuffer().nbytes


def made_version(pixels, quality, *, is_grey):
    """Compress (H, W, 3) pixels, as one channel if grey; return decoded pixels and file bytes."""
    if not is_grey:
        return jpeg_version(pixels, quality)
    plane, size = jpeg_version(pixels[..., 0], quality)
    return np.repeat(plane[..., None], 3, axis=-1), size


def version_within(pixels, limit, *, is_grey):
    """Compress as `made_version`, at the highest quality whose file has at most `limit` bytes.

    Returns the decoded pixels, the bytes of the file and its quality: those of quality 1 where even
    that file is larger.
    """
    low, high = 1, 100
    while low < high:
        middle = (low + high + 1) // 2
        if made_version(pixels, middle, is_grey=is_grey)[1] <= limit:
            low = middle
        else:
            high = middle - 1
    return *made_version(pixels, low, is_grey=is_grey), low
