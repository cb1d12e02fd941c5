"""How fast codecs are: one image at a time, in one thread, nothing beside it."""

import time
from dataclasses import dataclass

import numpy as np

from experiments.codecs.encoders import CODECS, decode_in_one_thread


@dataclass(frozen=True)
class Speed:
    """Megapixels a second over the images: the quartiles and, between them, the median."""

    low: float
    median: float
    high: float


@dataclass(frozen=True)
class CodecTimes:
    """How fast one codec at one quality encodes and decodes."""

    codec: str
    quality: float
    encode: Speed
    decode: Speed


def time_all(points, done):
    """Time points, one after the other, and call ``done()`` after each.

    Every image counts once; what runs for the first time is run once before.
    """
    decode_in_one_thread()
    groups = {}
    for point in points:
        groups.setdefault((point.codec, point.quality), []).append(point)
    rows = []
    for (codec, quality), group in groups.items():
        _seconds(group[0])
        megapixels = np.array([point.image.pixels[..., 0].size / 1e6 for point in group])
        seconds = []
        for point in group:
            seconds.append(_seconds(point))
            done()
        rows.append(CodecTimes(codec, quality, *map(_speed, megapixels / np.transpose(seconds))))
    return rows


def _seconds(point):
    """Time encoding and decoding, from array to array."""
    codec = CODECS[point.codec]
    original = codec.source(point.image)
    began = time.perf_counter()
    data = codec.encode(original, point.quality)
    encoded = time.perf_counter()
    codec.decode(data, original.shape[2])
    return encoded - began, time.perf_counter() - encoded


def _speed(speeds):
    return Speed(*np.percentile(speeds, (25, 50, 75)).tolist())
