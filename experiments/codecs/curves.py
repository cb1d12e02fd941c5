"""Rate-distortion curves of codecs over a set of images, and their BD-rates against the anchor."""

import statistics
from dataclasses import dataclass

import numpy as np

from experiments.codecs.encoders import ANCHOR, ANCHOR_QUALITIES
from experiments.codecs.rate_distortion import BDRate, CurveError, Measure, RatePoint, bd_rate

MEASURES: tuple[Measure, ...] = ("psnr", "ms_ssim")


@dataclass(frozen=True)
class Saving:
    """BD-rate of a codec against the anchor by one measure, or the reason why there is none."""

    codec: str
    measure: Measure
    qualities: tuple[float, ...]
    rate: BDRate | None
    reason: str | None = None


def mean_points(measurements):
    """Average measurements (`Encoding` to `Measurement`) over the images.

    Returns one `RatePoint` per codec and quality, in the order of the first image's.
    """
    groups = {}
    for encoding, measurement in measurements.items():
        rate = encoding.bits_per_pixel(measurement.file_bytes)
        row = rate, measurement.psnr, measurement.ssim, measurement.ms_ssim
        groups.setdefault((encoding.codec, encoding.quality), []).append(row)
    return [_mean_point(*key, rows) for key, rows in groups.items()]


def _mean_point(codec, quality, rows):
    rates, *columns = zip(*rows, strict=True)
    means = (None if None in column else float(np.mean(column)) for column in columns)
    return RatePoint(codec, quality, statistics.fmean(rates), *means, len(rows))


def curves(points, measure: Measure, qualities=None):
    """Collect each codec's known (bits per pixel, dB) at `qualities`, by default at all."""
    by_codec = {}
    for point in points:
        curve, decibels = by_codec.setdefault(point.codec, []), point.decibels(measure)
        if decibels is not None and (qualities is None or point.quality in qualities):
            curve.append((point.bits_per_pixel, decibels))
    return by_codec


def savings(points):
    """Compute each codec's BD-rates against the anchor at its fixed qualities."""
    names = dict.fromkeys(point.codec for point in points if point.codec != ANCHOR)
    return [_saving(points, name, measure) for measure in MEASURES for name in names]


def _saving(points, codec, measure):
    qualities = tuple(point.quality for point in points if point.codec == codec)
    anchor = curves(points, measure, ANCHOR_QUALITIES).get(ANCHOR, [])
    try:
        rate = bd_rate(anchor, curves(points, measure)[codec])
    except CurveError as error:
        return Saving(codec, measure, qualities, None, str(error))
    return Saving(codec, measure, qualities, rate)
