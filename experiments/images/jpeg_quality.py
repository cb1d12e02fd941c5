"""Estimating the JPEG quality of an image from its file or from its pixels."""

import io
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from experiments.images.decode_errors import explain
from experiments.images.errors import ImageError
from experiments.images.files import PIXEL_LIMIT, require_file
from experiments.images.jpeg import jpeg_version

QUALITIES = range(1, 101)
BASELINE_LIMIT, LIMIT = 255, 32767
CROP = 128
# Interpolated chroma looks one sample beyond the crop, which is two pixels.
BORDER = 2


def annex_k():
    """Return the JPEG standard's steps of luma and of chroma, each 64 row by row.

    They are those of quality 50, at which the scale of `quantization_steps` is 100 %: ITU-T T.81,
    Annex K, tables K.1 and K.2.
    """
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "JPEG", quality=50)
    with Image.open(file) as image:
        return image.quantization[0], image.quantization[1]


def quantization_steps(steps, quality, limit=BASELINE_LIMIT):
    """Scale a table of `annex_k` to a quality of 1 to 100; steps are at most `limit`.

    ``clip((steps * scale + 50) // 100, 1, limit)`` with ``scale = 5000 // quality`` below quality
    50, else ``200 - 2 * quality`` (libjpeg, ``jpeg_quality_scaling``).
    """
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    return tuple(min(max((step * scale + 50) // 100, 1), limit) for step in steps)


def is_jpeg(path):
    """Return whether an existing file is a JPEG, by its first bytes."""
    with open(path, "rb") as file:
        return file.read(3) == b"\xff\xd8\xff"


def quality_of_file(path):
    """Find the quality, 1 to 100, whose quantisation tables a JPEG file has.

    It is on the scale of the Independent JPEG Group, if the luma's table is Annex K's at that
    quality, and so is that of both chroma channels if there are any; None for other tables, for
    four channels, and for a file that is no JPEG. Only the header is read. Neither Huffman tables
    nor the order of scans matter. Raises `ImageError` if the file is missing or cannot be read, or
    its header is damaged or states more than `PIXEL_LIMIT` pixels.
    """
    path = Path(path)
    require_file(path)
    try:
        with Image.open(path, formats=["JPEG"]) as image:
            tables = _tables(image)
    except UnidentifiedImageError:
        return None
    except Exception as error:  # as in read_image, anything can come out of a damaged header
        raise ImageError(explain(error, path, PIXEL_LIMIT)) from error
    return _quality_by_tables().get(tables)


def _tables(image):
    """Return the steps of luma and of chroma (None if none); None if there is no such division."""
    used = [tuple(image.quantization[layer[3]]) for layer in image.layer]
    if len(used) == 1 or (len(used) == 3 and _is_rgb(image) and len(set(used)) == 1):
        return used[0], None
    if len(used) == 3 and not _is_rgb(image) and used[1] == used[2]:
        return used[0], used[1]
    return None


def _is_rgb(image):
    """Return whether the three channels are red, green and blue themselves: none is chroma."""
    names = bytes(layer[0] for layer in image.layer)
    return image.info.get("adobe_transform") == 0 or names == b"RGB"


@cache
def _quality_by_tables():
    """Map what `_tables` can return to its quality, steps limited as in libjpeg's two forms."""
    qualities, standard = {}, annex_k()
    for limit in (LIMIT, BASELINE_LIMIT):
        for quality in QUALITIES:
            luma, chroma = (quantization_steps(steps, quality, limit) for steps in standard)
            qualities |= {(luma, None): quality, (luma, chroma): quality}
    return qualities


def quality_of_pixels(original, decoded, *, expected=None):
    """Find the quality at which `jpeg_version` decodes to exactly these pixels.

    Parameters
    ----------
    original, decoded : ndarray
        uint8 of one shape, (H, W) or (H, W, 3). An original whose three channels are equal is
        compressed as one: its JPEG with three channels decodes to the same pixels.
    expected : int, optional
        A quality that is tried first.

    Returns
    -------
    tuple of int and int, or None
        Quality, and the bytes of the whole file at that quality. Where several qualities decode
        to the same pixels (flat images, and steps that differ only at frequencies without
        content), the expected one if it is among them, else the lowest: that of the smallest
        file. None if no quality decodes to these pixels.

    Notes
    -----
    A busy crop on the 16-pixel grid distinguishes nearly all qualities; the whole image then
    confirms. The crop's border is ignored: its chroma is interpolated from outside.
    """
    if original.shape != decoded.shape:
        raise ValueError(
            f"quality_of_pixels: shapes {original.shape} and {decoded.shape} must be equal"
        )
    if original.ndim == 3 and _is_grey(original):
        if not _is_grey(decoded):
            return None
        original, decoded = original[..., 0], decoded[..., 0]
    crop = _busy_crop(original)
    for quality in sorted(QUALITIES, key=lambda quality: quality != expected):
        if not _agrees(original[crop], decoded[crop], quality):
            continue
        pixels, size = jpeg_version(original, quality)
        if np.array_equal(pixels, decoded):
            return quality, size
    return None


def _is_grey(pixels):
    return all(np.array_equal(pixels[..., 0], pixels[..., channel]) for channel in (1, 2))


def _busy_crop(pixels):
    """Choose the square on the 16-pixel grid whose neighbouring rows differ most."""
    plane = pixels if pixels.ndim == 2 else pixels[..., 1]
    height, width = (min(CROP, length) for length in plane.shape)
    steps = np.abs(np.diff(plane.astype(np.int16), axis=0))
    # Half a crop apart: each pixel is looked at about four times.
    crops = (
        (slice(top, top + height), slice(left, left + width))
        for top in range(0, plane.shape[0] - height + 1, CROP // 2)
        for left in range(0, plane.shape[1] - width + 1, CROP // 2)
    )
    return max(crops, key=lambda crop: int(steps[crop].sum()))


def _agrees(original, decoded, quality):
    """Return whether the inside of a crop equals that of the same crop compressed alone."""
    pixels, _ = jpeg_version(original, quality)
    inside = tuple(slice(BORDER, max(length - BORDER, 0)) for length in original.shape[:2])
    return np.array_equal(pixels[inside], decoded[inside])
