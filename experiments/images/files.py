"""One image file: decoding it without trusting its content, writing it whole."""

import hashlib
import logging
import os
import secrets
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from experiments.images.color_modes import rgb_pixels, sample_format, upright
from experiments.images.decode_errors import READ_FORMATS, explain, lacks_png_end
from experiments.images.errors import ImageError
from experiments.images.fingerprint import fingerprint

PIXEL_LIMIT = 2**26

# Pillow logs some faults of TIFF files; without a handler they would go to stderr.
logging.getLogger("PIL").addHandler(logging.NullHandler())
# Once, and not around each reading: threads that read at the same time would undo each other's.
warnings.filterwarnings("ignore", module=r"PIL\b")


@dataclass(frozen=True, eq=False)
class StoredImage:
    """An image, 8-bit RGB, and the file that it was read from."""

    name: str  # the file's without its suffix, or the one that its set gives it
    path: Path | None
    # () -> pixels; a set reads those again that its store has dropped.
    load: Callable[[], np.ndarray] = field(repr=False)
    shape: tuple[int, int, int]  # (H, W, 3)
    sha256: str = field(repr=False)  # of the pixels' bytes in row-major order, in hexadecimal
    fingerprint: str = field(repr=False)  # perceptual hash that survives small changes
    is_grey: bool = False  # the source had one channel, and the three are equal
    notices: tuple[str, ...] = ()  # conversions made while reading, a sentence each

    @classmethod
    def of(cls, pixels, name, path=None, is_grey=False, notices=()):
        """Build an image from (H, W, 3) uint8 pixels, which are not copied."""
        return cls(
            name,
            path,
            load=lambda: pixels,
            shape=pixels.shape,
            sha256=hashlib.sha256(np.ascontiguousarray(pixels)).hexdigest(),
            fingerprint=fingerprint(pixels),
            is_grey=is_grey,
            notices=tuple(notices),
        )

    @property
    def pixels(self):
        """Return the pixels, (H, W, 3) uint8."""
        return self.load()

    def __reduce__(self):
        """Pickle the pixels too: another process shares no memory with this one."""
        others = {name: getattr(self, name) for name in self.__match_args__ if name != "load"}
        return _in_memory, (self.pixels, others)


def _in_memory(pixels, others):
    return StoredImage(load=lambda: pixels, **others)


def read_image(path, *, allow_cmyk=True):
    """Read a PNG, JPEG, BMP, TIFF, WebP or PPM file as 8-bit RGB.

    Whatever is not plain 8-bit RGB or grey is converted with a notice or rejected: 16 bits per
    sample are reduced to 8, transparency is blended over white, CMYK is converted without a
    profile, of several frames the first is read, an ICC profile is dropped. EXIF rotation is
    applied. The format is recognised by the content, never by the suffix.

    Parameters
    ----------
    allow_cmyk : bool
        Whether CMYK is converted or rejected.

    Returns
    -------
    StoredImage
        Its pixels are read-only.

    Raises
    ------
    ImageError
        If the file is missing, not an image of these formats, truncated, damaged, over
        `PIXEL_LIMIT` pixels, or has no faithful 8-bit RGB form.
    """
    path = Path(path)
    require_file(path)
    try:
        pixels, is_grey, notices = _decode(path, allow_cmyk)
    except ImageError:
        raise
    except Exception as error:  # Pillow raises OSError, ValueError, SyntaxError, struct.error, ...
        raise ImageError(explain(error, path, PIXEL_LIMIT)) from error
    pixels = np.array(pixels, dtype=np.uint8, order="C")
    pixels.setflags(write=False)
    return StoredImage.of(pixels, path.stem, path, is_grey, notices)


def write_png(path, pixels):
    """Write (H, W) or (H, W, 3) uint8 pixels as a PNG file, whole or not at all.

    An existing file is replaced in one step. Raises `ImageError` for another type or shape, or if
    the file system fails; nothing is left behind.
    """
    path, pixels = Path(path), np.asarray(pixels)
    is_image = pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] == 3)
    if pixels.dtype != np.uint8 or not is_image or pixels.size == 0:
        raise ImageError(
            f"{path}: pixels of shape {pixels.shape} and type {pixels.dtype} cannot be written; "
            "a PNG takes uint8 of shape (H, W) or (H, W, 3)"
        )
    # Not tempfile: its files are readable by their owner alone, and stay so under the new name.
    temporary = path.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        with open(temporary, "xb") as file:
            Image.fromarray(np.ascontiguousarray(pixels)).save(file, "PNG")
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        reason = error.strerror or error
        raise ImageError(f"{path}: cannot be written: {reason}") from error
    finally:
        temporary.unlink(missing_ok=True)


def require_file(path):
    """Raise unless `path` is a regular file."""
    if path.is_dir():
        raise ImageError(f"{path}: a folder, not an image that fnnet reads ({READ_FORMATS})")
    if not path.exists():
        raise ImageError(f"{path}: no such file")
    if not path.is_file():
        raise ImageError(f"{path}: a device or pipe, not an image that fnnet reads")


def _decode(path, allow_cmyk):
    with Image.open(path, formats=["PNG", "JPEG", "BMP", "TIFF", "WEBP", "PPM"]) as image:
        # Before load(), which takes the memory; Pillow's own limit is higher and only warns.
        width, height = image.size
        if width * height > PIXEL_LIMIT:
            raise ImageError(
                f"{path}: {width * height} pixels is over the limit of {PIXEL_LIMIT} pixels"
            )
        notices = []
        frames = getattr(image, "n_frames", 1)
        if frames > 1:
            notices.append(f"{path}: {frames} frames, of which only the first is read")
        stored = sample_format(image)
        image.load()
        if image.format == "PNG" and lacks_png_end(path):
            raise EOFError("truncated")
        if image.info.get("icc_profile"):
            notices.append(f"{path}: its ICC colour profile is dropped")
        pixels, is_grey, more = rgb_pixels(image, stored, path, allow_cmyk=allow_cmyk)
        pixels, yet_more = upright(image, pixels, path)
    return pixels, is_grey, [*notices, *more, *yet_more]
