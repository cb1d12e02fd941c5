"""JPEG versions of an image, made in memory."""

import io

import numpy as np
from PIL import Image


def jpeg_version(pixels, quality):
    """Compress pixels as JPEG in Pillow's default form and decode them again.

    For colour that is 4:2:0 at every quality, fixed Huffman tables, and interpolated chroma on
    the way back: the colour recipe of the restoration literature.

    Parameters
    ----------
    pixels : ndarray
        uint8; (H, W, 3) is RGB, (H, W) is compressed as one channel.
    quality : int
        1 to 100, on the scale of the Independent JPEG Group.

    Returns
    -------
    tuple of ndarray, int
        The decoded pixels, uint8 of the shape that came in, and the bytes of the whole file.

    Raises
    ------
    ValueError
        If the quality or the pixels are of another kind.
    """
    if isinstance(quality, bool) or not isinstance(quality, int | np.integer):
        raise TypeError(f"jpeg_version: quality={quality!r} must be a whole number")
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
