"""Images and files that the tests of experiments.images are made of."""

import io
import shutil
import struct
import zlib

import numpy as np
from PIL import Image
from scipy.io import savemat

from experiments.images import jpeg_version

NOT_READ = "not an image that fnnet reads (PNG, JPEG, BMP, TIFF, WebP, PPM)"


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


def release_2(folder, compressed, scores=None):
    """Build LIVE's release 2: ``{number: (name, original's pixels, quality; 0: a copy)}``.

    Pixels that are not numbered here are not written; `scores` are those of the 982, if any.
    """
    jpeg = folder / "jpeg"
    jpeg.mkdir(parents=True)
    (folder / "refimgs").mkdir()
    lines, references = [], np.full((1, 982), "bikes.bmp", object)
    for number, (name, pixels, quality) in compressed.items():
        decoded, rate = pixels, 0.0
        if quality:
            decoded, size = jpeg_version(pixels, quality)
            rate = 8 * size / (pixels.shape[0] * pixels.shape[1])
        (folder / "refimgs" / f"{name}.bmp").write_bytes(encode(pixels, "BMP"))
        (jpeg / f"img{number}.bmp").write_bytes(encode(decoded, "BMP"))
        lines.append(f"{name}.bmp img{number}.bmp {rate:.5f}\n")
        references[0, 226 + number] = f"{name}.bmp"
    (jpeg / "info.txt").write_text("".join(lines))
    savemat(folder / "refnames_all.mat", {"refnames_all": references})
    if scores is not None:
        orgs = np.zeros((1, 982))
        savemat(folder / "dmos_realigned.mat", {"dmos_new": scores[None], "orgs": orgs})
        savemat(folder / "dmos.mat", {"dmos": scores[None] / 2, "orgs": orgs})


def release_1(folder, compressed, raw=""):
    """Build LIVE's release 1, JPEG, of what `release_2` takes: all in one folder."""
    release_2(folder / "two", compressed)
    for path in [*(folder / "two" / "refimgs").iterdir(), *(folder / "two" / "jpeg").iterdir()]:
        path.rename(folder / path.name.replace("info.txt", "jpeginfo.txt"))
    shutil.rmtree(folder / "two")
    if raw:
        (folder / "subjectscores1.txt").write_text(raw)
