"""Conversion of Pillow images to 8-bit RGB: colour modes, bit depths, transparency, EXIF."""

import numpy as np
from PIL import ExifTags, Image, ImageOps

from experiments.images.errors import ImageError

REJECTED = {
    "F": "floating-point samples have no fixed white; save it with 8 bits per sample first",
    "LAB": "the LAB colour space is not read; save it as RGB first",
    "I": "32-bit or signed samples have no fixed white; save it with 8 bits per sample first",
}
PLAIN = ("1", "L", "RGB", "YCbCr", "P")
WITH_ALPHA = ("LA", "La", "PA", "RGBA", "RGBa")


def sample_format(image):
    """Return the raw mode in which the file stores its samples, as Pillow's decoders name it.

    ``RGB;16B`` is the only sign that an image which opens as 8-bit RGB has 16 bits in its file.
    It is lost once the pixels are loaded. A PPM's maximum above 255 is reported as ``;16`` too.
    """
    if not image.tile:
        return ""
    arguments = image.tile[0][3]
    if isinstance(arguments, str):
        return arguments
    if not arguments:
        return ""
    is_deep = image.format == "PPM" and isinstance(arguments[1], int) and arguments[1] > 255
    return f"{arguments[0]};16" if is_deep else str(arguments[0])


def rgb_pixels(image, stored, path, *, allow_cmyk):
    """Convert a loaded Pillow image to 8-bit RGB; `stored` is its `sample_format` before loading.

    CMYK is converted without a profile or, unless `allow_cmyk`, rejected. Returns (H, W, 3) uint8
    pixels, whether the source had one channel (besides alpha), and notices; raises `ImageError` for
    modes that have no faithful 8-bit RGB form.
    """
    mode = image.mode
    # In PNG and PPM files mode I holds 0..65535 too; in TIFF files it may hold anything.
    if mode.startswith("I;16") or (mode == "I" and image.format in ("PNG", "PPM")):
        return _grey_of_16_bits(image, stored, path)
    if mode in REJECTED:
        raise ImageError(f"{path}: {REJECTED[mode]}")
    notices = [f"{path}: 16 bits per sample, read as 8"] if ";16" in stored else []
    if mode == "CMYK":
        if not allow_cmyk:
            raise ImageError(f"{path}: CMYK is not read here; save it as RGB first")
        notices.append(f"{path}: CMYK, converted to RGB without a colour profile")
        return np.asarray(image.convert("RGB")), False, notices
    if mode not in PLAIN + WITH_ALPHA:
        raise ImageError(f"{path}: the colour mode {mode} is not read; save it as RGB first")
    is_grey = mode in ("1", "L", "LA", "La") or stored.startswith("LA")
    if not image.has_transparency_data:
        return np.asarray(image.convert("RGB")), is_grey, notices
    rgba = np.asarray(image.convert("RGBA"))
    if (rgba[..., 3] == 255).all():
        return rgba[..., :3], is_grey, notices
    return over_white(rgba), is_grey, [*notices, _over_white_notice(path)]


def over_white(rgba):
    """Blend (H, W, 4) uint8 pixels of straight alpha over white: (H, W, 3) uint8, rounded."""
    color, alpha = rgba[..., :3].astype(np.uint32), rgba[..., 3:].astype(np.uint32)
    return ((color * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)


def upright(image, pixels, path):
    """Mirror or turn (H, W, 3) `pixels` as the loaded image's EXIF data asks.

    Returns the pixels, and a list with a notice if the EXIF data cannot be read.
    """
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # Pillow parses EXIF late and by hand: anything can come out of a broken one.
        return pixels, [f"{path}: its EXIF data cannot be read; taken as upright"]
    if orientation not in range(2, 9):
        return pixels, []
    # Not on `image` itself: Pillow writes all its EXIF data anew, and fails on any broken part.
    stored = Image.fromarray(pixels)
    stored.getexif()[ExifTags.Base.Orientation] = orientation
    return np.asarray(ImageOps.exif_transpose(stored)), []


def _grey_of_16_bits(image, stored, path):
    """Convert 16-bit grey by dividing by 257; Pillow's own conversion clips at 255."""
    if stored.startswith("I;12"):
        raise ImageError(f"{path}: 12-bit samples are not read; save it with 8 or 16 bits first")
    values = np.asarray(image).astype(np.uint32)
    grey = ((values + 128) // 257).astype(np.uint8)
    notices = [f"{path}: 16-bit grey, divided by 257 and rounded to 8 bits"]
    transparent = image.info.get("transparency")
    if isinstance(transparent, int) and (values == transparent).any():
        grey[values == transparent] = 255
        notices.append(_over_white_notice(path))
    return np.repeat(grey[..., None], 3, axis=-1), True, notices


def _over_white_notice(path):
    return f"{path}: partly transparent, laid over white"
