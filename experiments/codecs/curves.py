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
    """Average measurements over the images.

    Parameters
    ----------
    measurements : dict of Encoding to Measurement

    Returns
    -------
    list of RatePoint
        One per codec and quality, in the order of the first image's.
    """
    groups = {}
    for encoding, measurement in measurements.items():
        group = groups.setdefault((encoding.codec, encoding.quality), [])
        group.append((encoding.bits_per_pixel(measurement.file_bytes), measurement))
    return [_mean_point(codec, quality, group) for (codec, quality), group in groups.items()]


def _mean_point(codec, quality, group):
    rates, measurements = zip(*group, strict=True)

    def mean(values):
        return None if None in values else float(np.mean(values))

    return RatePoint(
        codec,
        quality,
        statistics.fmean(rates),
        mean([measurement.psnr for measurement in measurements]),
        mean([measurement.ssim for measurement in measurements]),
        mean([measurement.ms_ssim for measurement in measurements]),
        len(group),
    )


def curves(points, measure: Measure, qualities=None):
    """Collect each codec's curve at `qualities`, all if None, where `measure` is known.

    Parameters
    ----------
    points : iterable of RatePoint
    measure : "psnr" or "ms_ssim"
    qualities : container of float, optional

    Returns
    -------
    dict of str to list of (float, float)
        By codec: bits per pixel and dB.
    """
    by_codec = {}
    for point in points:
        curve = by_codec.setdefault(point.codec, [])
        decibels = point.decibels(measure)
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
