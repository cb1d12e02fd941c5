"""Speed of codecs: one image at a time, in one thread, with nothing beside it."""

import time
from dataclasses import dataclass

import numpy as np

from experiments.codecs.encoders import CODECS, decode_in_one_thread


@dataclass(frozen=True)
class Speed:
    """Megapixels per second over the images: lower quartile, median, upper quartile."""

    low: float
    median: float
    high: float


@dataclass(frozen=True)
class CodecTimes:
    """Speed of encoding and decoding of one codec at one quality."""

    codec: str
    quality: float
    encode: Speed
    decode: Speed


def time_all(encodings, done):
    """Time encodings, one after the other, and call ``done()`` after each.

    Each is timed once; the first of each codec and quality runs once before, untimed. Returns one
    `CodecTimes` per codec and quality.
    """
    decode_in_one_thread()
    groups = {}
    for encoding in encodings:
        groups.setdefault((encoding.codec, encoding.quality), []).append(encoding)
    rows = []
    for (codec, quality), group in groups.items():
        _seconds(group[0])
        megapixels = np.array([encoding.image.pixels[..., 0].size / 1e6 for encoding in group])
        seconds = []
        for encoding in group:
            seconds.append(_seconds(encoding))
            done()
        quartiles = np.percentile(megapixels / np.transpose(seconds), (25, 50, 75), axis=1)
        encode, decode = (Speed(*column) for column in quartiles.T.tolist())
        rows.append(CodecTimes(codec, quality, encode, decode))
    return rows


def _seconds(encoding):
    """Time encoding and decoding, from array to array."""
    codec = CODECS[encoding.codec]
    original = codec.source(encoding.image)
    began = time.perf_counter()
    data = codec.encode(original, encoding.quality)
    encoded = time.perf_counter()
    codec.decode(data, original.shape[2])
    return encoded - began, time.perf_counter() - encoded
