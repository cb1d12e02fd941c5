"""Turning errors of Pillow's decoders into one sentence for the user."""

import errno
import mmap
import re
import struct

from PIL import Image, UnidentifiedImageError

READ_FORMATS = "PNG, JPEG, BMP, TIFF, WebP, PPM"
PNG_END = b"IEND\xaeB`\x82"  # name and checksum of the last chunk of a PNG
HEAD_BYTES = 18
BMP_HEADERS = (12, 16, 40, 52, 56, 64, 108, 124)  # sizes that a BMP's second header can have


def explain(error, path, pixel_limit):
    """Explain in one sentence that begins with `path` why Pillow could not read that file."""
    if isinstance(error, MemoryError):
        return f"{path}: not enough memory for this image"
    if isinstance(error, Image.DecompressionBombError):
        count = re.search(r"\d+", str(error))
        pixels = f"{count[0]} pixels" if count else "its size"
        return f"{path}: {pixels} is over the limit of {pixel_limit} pixels"
    if isinstance(error, OSError) and error.errno in errno.errorcode:
        return f"{path}: cannot be read: {error.strerror}"
    size, head = path.stat().st_size, _head(path)
    if size == 0:
        return f"{path}: empty, not an image that fnnet reads ({READ_FORMATS})"
    kind = _kind(head)
    if kind is None:
        return f"{path}: not an image that fnnet reads ({READ_FORMATS})"
    declared = _declared_size(kind, head)
    if declared is not None and declared > size:
        return f"{path}: ends after {size:,} of {declared:,} bytes; a truncated {kind} is not read"
    if "truncated" in str(error).lower():
        return (
            f"{path}: ends after {size:,} bytes, before its image does; "
            f"a truncated {kind} is not read"
        )
    if kind == "PNG" and isinstance(error, ValueError) and "text" in str(error).lower():
        return f"{path}: a text chunk of this PNG unpacks to more than an image's text may hold"
    if isinstance(error, UnidentifiedImageError):
        return f"{path}: begins like a {kind} but is none; the file is cut short or damaged"
    reason, *_ = str(error).strip().splitlines() or [type(error).__name__]
    return f"{path}: a damaged {kind} is not read ({reason})"


def lacks_png_end(path):
    """Return whether a PNG file misses its last chunk, though its pixels may all be there."""
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.rfind(PNG_END) < 0


def _head(path):
    with open(path, "rb") as file:
        return file.read(HEAD_BYTES)


def _kind(head):
    """Return the format that a file's first bytes announce, or None."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "TIFF"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WebP"
    # Texts too begin with "BM" and "P5": these two count only if the next bytes fit.
    if head.startswith(b"BM") and int.from_bytes(head[14:18], "little") in BMP_HEADERS:
        return "BMP"
    if re.match(rb"P[1-6fF]\s+[\d#]", head):
        return "PPM"
    return None


def _declared_size(kind, head):
    """Read the file size in bytes that the header claims; None in formats without such a field."""
    if kind == "WebP":
        return struct.unpack("<I", head[4:8])[0] + 8
    if kind == "BMP":
        return struct.unpack("<I", head[2:6])[0]
    return None
