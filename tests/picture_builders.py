"""Pictures and files that the tests of experiments.pictures are made of."""

import io
import struct
import zlib

import numpy as np
from PIL import Image

NOT_READ = "not a picture that fnnet reads (PNG, JPEG, BMP, TIFF, WebP, PPM)"


def noise(height=40, width=50, channels=3, seed=0):
    """Random uint8 pixels: nothing in them survives a wrong turn or a mixed-up channel."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)


def smooth(height=40, width=50):
    """A colour ramp, which JPEG keeps well."""
    rows, columns = np.mgrid[0:height, 0:width]
    planes = (255 * rows / height, 255 * columns / width, 255 - 255 * rows / height)
    return np.stack(planes, axis=-1).astype(np.uint8)


def encode(pixels, suffix, mode=None, **options):
    """Encode an array (or a Pillow image) by Pillow into bytes."""
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    buffer = io.BytesIO()
    (image if mode is None else image.convert(mode)).save(buffer, suffix, **options)
    return buffer.getvalue()


def png_chunk(name, content):
    checksum = zlib.crc32(name + content)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)


def png_by_hand(width, height, *, bits, kind, rows, extra=b""):
    """Build a PNG that Pillow would not write; `rows` are the unfiltered bytes of each row."""
    header = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0)
    body = zlib.compress(b"".join(b"\0" + row for row in rows))
    return (
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", header)
        + extra
        + png_chunk(b"IDAT", body)
        + png_chunk(b"IEND", b"")
    )
