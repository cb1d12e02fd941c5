"""The rungs of the ladder: their curves of quality over rate, and what they save against JPEG."""

import contextlib
import math
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import PchipInterpolator

from experiments.codecs.encoders import ANCHOR_QUALITIES
from experiments.codecs.rate_distortion import LEAST_POINTS, CurveError, bd_rate
from experiments.reporting.axes import test_set
from experiments.reporting.measures import bits_per_pixel
from experiments.reporting.scales import drawable
from experiments.sweeps.records import Record


@dataclass(frozen=True)
class RungPoint:
    """Means over the held-out images at one rate; `bits_per_pixel` is None if nothing is coded.

    qualities in dB and SSIM (None unless every image has it); `jpeg_psnr` of JPEG of equal bytes.
    """

    rate: int | None
    bits_per_pixel: float | None
    psnr: float
    ssim: float | None
    jpeg_psnr: float
    images: int


@dataclass(frozen=True)
class Rung:
    """A run of the ladder, its points by rising rate; none if it diverged."""

    name: str
    task: str
    test: str
    points: tuple[RungPoint, ...]
    record: Record

    @property
    def coded(self):
        """The points that have a rate and a finite quality."""
        return [
            point
            for point in self.points
            if (point.bits_per_pixel or 0) > 0 and drawable(point.psnr)
        ]


@dataclass(frozen=True)
class AgainstJpeg:
    """Bytes against JPEG's at equal PSNR in per cent, less than 0 for fewer; or why there are none.

    `low` and `high` bound the PSNR that it holds for, in dB; they are equal for a single point.
    """

    percent: float | None
    low: float | None = None
    high: float | None = None
    reason: str | None = None


def ladder(records):
    """Find the rungs, in the order of the records; equal names are told apart by value and seed."""
    found = [record for record in records if record.kind == "rung"]
    names = [(record.trial.axis, test_set(record)) for record in found]
    trained = {name: set() for name in names}
    for name, record in zip(names, found, strict=True):
        trained[name].add(record.trial.data.train)
    return [
        Rung(
            _distinct(record, len(trained[name]) > 1) if names.count(name) > 1 else name[0],
            record.trial.task,
            test_set(record),
            mean_points(record.held_out),
            record,
        )
        for name, record in zip(names, found, strict=True)
    ]


def _distinct(record, with_set):
    trial = record.trial
    where = f"trained on {trial.data.train}, " if with_set else ""
    return f"{trial.axis} ({trial.value}, {where}seed {trial.seed})"


def mean_points(images):
    """Average a record's images, a point a rate."""
    groups = {}
    for image in images:
        groups.setdefault(image.rate, []).append(image)
    points = [_mean_point(rate, group) for rate, group in groups.items()]
    return tuple(sorted(points, key=lambda point: (point.bits_per_pixel or 0, point.psnr)))


def _mean_point(rate, group):
    def mean(values):
        return None if None in values else float(np.mean(values))

    return RungPoint(
        rate,
        mean([bits_per_pixel(image) for image in group]),
        mean([image.psnr for image in group]),
        mean([image.ssim for image in group]),
        mean([image.jpeg_psnr for image in group]),
        len(group),
    )


def against_jpeg(points, anchor):
    """Compare the bytes of a rung with JPEG's at equal PSNR.

    Four points or more get their BD-rate; fewer are compared each at its own PSNR, and the mean is
    of their logarithms.

    Parameters
    ----------
    points : list of RungPoint
        With rates.
    anchor : list of RatePoint
        JPEG's.
    """
    curve = [(p.bits_per_pixel, p.psnr) for p in anchor if p.quality in ANCHOR_QUALITIES]
    if not points or not curve:
        reason = "there are no bytes to compare" if curve else "JPEG was not measured on this set"
        return AgainstJpeg(None, reason=reason)
    if len(points) < LEAST_POINTS:
        return _at_points(points, curve)
    try:
        rate = bd_rate(curve, [(point.bits_per_pixel, point.psnr) for point in points])
    except CurveError as error:
        return AgainstJpeg(None, reason=str(error))
    return AgainstJpeg(rate.percent, rate.low, rate.high)


def against_codecs(points, curves):
    """Compare a rung's bits with each codec's at equal PSNR, by BD-rate over what both have.

    Parameters
    ----------
    points : list of RungPoint
        With rates.
    curves : dict of str to list of RatePoint

    Returns
    -------
    dict of str to float
        Per cent, less than 0 where the rung needs fewer; codecs that it cannot be compared with
        are left out.
    """
    own, found = [(point.bits_per_pixel, point.psnr) for point in points], {}
    for name, anchor in curves.items():
        if name == "jpeg":  # `against_jpeg` has it
            continue
        with contextlib.suppress(CurveError):
            found[name] = bd_rate([(one.bits_per_pixel, one.psnr) for one in anchor], own).percent
    return found


def _at_points(points, curve):
    rates, qualities = np.array(sorted(curve), np.float64).T
    if len(curve) < 2 or (np.diff(qualities) <= 0).any():
        return AgainstJpeg(None, reason="JPEG's points do not make a rising curve")
    inside = [point for point in points if qualities[0] <= point.psnr <= qualities[-1]]
    if not inside:
        return AgainstJpeg(None, reason="outside JPEG's range")
    log_rate = PchipInterpolator(qualities, np.log(rates))
    ratios = [math.log(point.bits_per_pixel) - float(log_rate(point.psnr)) for point in inside]
    ends = [point.psnr for point in inside]
    outside = len(points) - len(inside)
    reason = f"{outside} of {len(points)} points outside JPEG's range" if outside else None
    return AgainstJpeg(100 * math.expm1(float(np.mean(ratios))), min(ends), max(ends), reason)
