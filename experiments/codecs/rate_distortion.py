"""Rate-distortion points, and BD-rates: the bits that one codec saves at equal quality.

A curve is a codec's points ``(rate, quality)``, means over one set: the rate in bits per pixel,
the quality in dB. MS-SSIM becomes dB by `decibels`.
"""

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from scipy.interpolate import PchipInterpolator

LEAST_POINTS = 4

# Quality of a curve, in dB.
Measure = Literal["psnr", "ms_ssim"]


@dataclass(frozen=True)
class RatePoint:
    """A codec at one quality: rate in bits per pixel, PSNR in dB, SSIM, MS-SSIM.

    All are means over `images` images. `ssim` and `ms_ssim` are None unless every image has them,
    since each mean must be over the images that the rate is over; `quality` is the encoder's own
    scale, None if it is unknown.
    """

    codec: str
    quality: float | None
    bits_per_pixel: float
    psnr: float
    ssim: float | None
    ms_ssim: float | None
    images: int

    def decibels(self, measure: Measure):
        """Return a measure in dB, None if it is unknown."""
        if measure == "psnr":
            return self.psnr
        return None if self.ms_ssim is None else decibels(self.ms_ssim)


class CurveError(ValueError):
    """An error for points that form no curve, or two curves that cannot be compared."""


class BDRate(NamedTuple):
    """Bits that the test needs beyond the anchor's, in per cent: below 0 for fewer.

    A mean over the qualities from `low` to `high`, in dB.
    """

    percent: float
    low: float
    high: float


def bd_rate(anchor, test):
    """Compute the Bjøntegaard delta rate by monotone cubic interpolation (PCHIP).

    ``(exp(mean of f_test(d) - f_anchor(d) over low <= d <= high) - 1) * 100``, where f is the
    natural logarithm of the rate as a function of the quality d, and low to high is the overlap of
    both ranges of quality. The mean is the interpolants' exact integral, without extrapolation.

    Parameters
    ----------
    anchor, test : sequence of (float, float)
        Rate in bits per pixel, quality in dB; at least 4 points, in any order.

    Returns
    -------
    BDRate

    Raises
    ------
    CurveError
        If a curve has fewer than 4 points, a point that is not finite or a rate of 0; if its
        quality does not strictly rise with its rate; if the qualities do not overlap.

    References
    ----------
    Bjøntegaard 2001, ITU-T VCEG-M33; PCHIP in place of its polynomial: Fritsch, Butland 1984,
    doi:10.1137/0905021.
    """
    anchor_rate, anchor_quality = _curve("the anchor's curve", anchor)
    test_rate, test_quality = _curve("the test's curve", test)
    low = max(anchor_quality[0], test_quality[0])
    high = min(anchor_quality[-1], test_quality[-1])
    if low >= high:
        raise CurveError(
            f"no overlap: the anchor has {anchor_quality[0]:.2f} to {anchor_quality[-1]:.2f} dB, "
            f"the test {test_quality[0]:.2f} to {test_quality[-1]:.2f} dB"
        )
    integrals = [
        PchipInterpolator(quality, np.log(rate)).integrate(low, high)
        for rate, quality in ((anchor_rate, anchor_quality), (test_rate, test_quality))
    ]
    percent = 100 * math.expm1((integrals[1] - integrals[0]) / (high - low))
    return BDRate(percent, float(low), float(high))


def decibels(ms_ssim):
    """Convert MS-SSIM to dB: ``-10 log10(1 - MS-SSIM)``, infinite for 1."""
    return -10 * math.log10(1 - ms_ssim) if ms_ssim < 1 else math.inf


def _curve(name, points):
    """Check that points form a curve; return their rates and qualities, sorted by rate."""
    if len(points) < LEAST_POINTS:
        raise CurveError(f"{name} has {len(points)} points; a BD-rate needs {LEAST_POINTS}")
    rate, quality = np.array(sorted(points), np.float64).T
    if not (np.isfinite(rate).all() and np.isfinite(quality).all() and rate[0] > 0):
        raise CurveError(f"{name} has a point that is not finite, or a rate that is not above 0")
    for index in np.flatnonzero(np.diff(quality) <= 0)[:1]:
        raise CurveError(
            f"{name} does not rise: {quality[index]:.4f} dB at {rate[index]:.4f} bits per pixel, "
            f"then {quality[index + 1]:.4f} dB at {rate[index + 1]:.4f}"
        )
    return rate, quality
