"""Curves of codecs over a set, and what they save against the anchor."""

import math
from dataclasses import dataclass

import numpy as np

from experiments.codecs.encoders import ANCHOR, ANCHOR_QUALITIES
from experiments.codecs.rate_distortion import BDRate, CurveError, bd_rate, decibels

# What a curve's quality can be; the second is MS-SSIM in dB.
MEASURES = ("psnr", "ms_ssim")


@dataclass(frozen=True)
class MeanPoint:
    """One codec at one quality: means over `images` images.

    bits per pixel, dB, SSIM and MS-SSIM; the last two are None unless every image has them, for
    each mean must be over the images that the rate is over.
    """

    codec: str
    quality: float
    images: int
    bits_per_pixel: float
    psnr: float
    ssim: float | None
    ms_ssim: float | None

    def decibels(self, measure):
        """Give "psnr" or "ms_ssim" in dB, None if it is not known."""
        if measure == "psnr":
            return self.psnr
        return None if self.ms_ssim is None else decibels(self.ms_ssim)


@dataclass(frozen=True)
class Saving:
    """A codec against the anchor: its BD-rate by one measure, or the reason why there is none."""

    codec: str
    measure: str
    qualities: tuple[float, ...]
    rate: BDRate | None
    reason: str | None = None


def mean_points(points):
    """Average measured points over the images, in the order of the first image's points."""
    groups = {}
    for point in points:
        groups.setdefault((point.codec, point.quality), []).append(point)
    return [_mean(codec, quality, group) for (codec, quality), group in groups.items()]


def curve(means, codec, measure, qualities=None):
    """Pick a codec's (bits per pixel, dB) at `qualities`, all if None; those that are known."""
    return [
        (mean.bits_per_pixel, mean.decibels(measure))
        for mean in means
        if mean.codec == codec
        and (qualities is None or mean.quality in qualities)
        and mean.decibels(measure) is not None
    ]


def savings(means):
    """Compute each codec's BD-rates against the anchor at its fixed qualities."""
    names = dict.fromkeys(mean.codec for mean in means if mean.codec != ANCHOR)
    return [_saving(means, name, measure) for measure in MEASURES for name in names]


def _saving(means, codec, measure):
    qualities = tuple(mean.quality for mean in means if mean.codec == codec)
    anchor = curve(means, ANCHOR, measure, ANCHOR_QUALITIES)
    try:
        rate = bd_rate(anchor, curve(means, codec, measure))
    except CurveError as error:
        return Saving(codec, measure, qualities, None, str(error))
    return Saving(codec, measure, qualities, rate)


def _mean(codec, quality, group):
    def mean(name):
        values = [getattr(point.figures, name) for point in group]
        return None if None in values else float(np.mean(values))

    rate = math.fsum(point.bits_per_pixel for point in group) / len(group)
    return MeanPoint(codec, quality, len(group), rate, mean("psnr"), mean("ssim"), mean("ms_ssim"))
