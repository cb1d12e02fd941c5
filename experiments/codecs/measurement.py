"""Measurements of codecs on images: encode, decode, compare; on all cores."""

import functools
import hashlib
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from experiments.codecs.encoders import CODECS
from experiments.codecs.processes import map_unordered
from experiments.evaluation import scores
from experiments.images import ImageError, StoredImage
from experiments.system.hardware import cores
from fnnet import metrics
from fnnet.ops import pool, ssim

# Pixels that are measured at the same time: a pixel takes about 100 bytes.
_PIXELS_AT_ONCE = 2**26
SSIM_LEAST = len(ssim.GAUSSIAN_11.weights)
MS_SSIM_LEAST = ssim.MS_SSIM_LEAST


@dataclass(frozen=True)
class Measurement:
    """Bytes of one file, PSNR in dB, SSIM and MS-SSIM, None where the image is too small."""

    file_bytes: int
    psnr: float
    ssim: float | None
    ms_ssim: float | None


@dataclass(frozen=True, eq=False)
class Encoding:
    """One image by one codec at one quality: the object of a `Measurement`."""

    image: StoredImage
    codec: str
    quality: float

    def bits_per_pixel(self, file_bytes):
        """Compute the rate of a whole file, headers included."""
        return metrics.bits_per_pixel(file_bytes, *self.image.shape[:2])

    def identity(self):
        """Return all that its measurement depends on, as texts: pixels, encoder, metrics."""
        codec = CODECS[self.codec]
        return {
            "pixels": self.image.sha256,
            "codec": codec.identity(self.quality, codec.source(self.image).shape[2]),
            "metrics": metrics_version(),
        }


@functools.cache
def metrics_version():
    """Hash the metrics' source code and NumPy's version."""
    modules = (scores, metrics, ssim, pool)
    sources = (Path(module.__file__).read_bytes() for module in modules)
    return hashlib.sha256(b"".join(sources) + np.__version__.encode()).hexdigest()


def measure_all(encodings, done):
    """Measure on all cores, calling ``done(encoding, measurement)`` as each result arrives.

    Raises `ImageError` if a codec cannot encode an image, `RunError` if a worker process is lost.
    """
    # Codecs that differ in their bytes alone give the same pixels at the same quality.
    groups = {}
    for encoding in encodings:
        groups.setdefault((encoding.image, encoding.quality), []).append(encoding)
    largest = max((math.prod(encoding.image.shape[:2]) for encoding in encodings), default=1)
    processes = min(cores(), len(groups), max(_PIXELS_AT_ONCE // largest, 1))
    groups = [tuple(group) for group in groups.values()]
    for group, measurements in map_unordered(measure, groups, processes):
        for encoding, measurement in zip(group, measurements, strict=True):
            done(encoding, measurement)


def measure(encodings):
    """Measure encodings of one image; equal decoded pixels are compared once."""
    compared, measurements = {}, []
    for encoding in encodings:
        data, original, decoded = coded(encoding)
        digest = hashlib.sha256(decoded).hexdigest()
        if digest not in compared:
            compared[digest] = compare(encoding.image, original, decoded)
        measurements.append(Measurement(len(data), *compared[digest]))
    return measurements


def coded(encoding):
    """Encode and decode: return the file's bytes, original and decoded (H, W, C) uint8 pixels.

    Raises `ImageError` if the codec cannot.
    """
    image, codec = encoding.image, CODECS[encoding.codec]
    original = codec.source(image)
    try:
        data = codec.encode(original, encoding.quality)
        return data, original, codec.decode(data, original.shape[2])
    except (OSError, ValueError, RuntimeError, MemoryError) as error:
        height, width = original.shape[:2]
        raise ImageError(
            f"{image.path or image.name}: {codec.name} cannot encode these {width}x{height} "
            f"pixels at {encoding.quality}: {error or 'not enough memory'}"
        ) from None


def compare(image, original, decoded):
    """Compute PSNR, SSIM and MS-SSIM; the last two are None for an image too small for them."""
    try:
        psnr, ssim = scores.compare(original, decoded)
        if min(original.shape[:2]) < MS_SSIM_LEAST:
            return psnr, ssim, None
        return psnr, ssim, float(metrics.ms_ssim(original, decoded))
    except MemoryError:
        raise ImageError(f"{image.path or image.name}: not enough memory") from None
