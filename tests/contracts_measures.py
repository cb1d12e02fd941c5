"""One row a metric, a colour conversion; the tests walk every row.

A new one is proven by adding a row; a test fails until then.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import oracles_measures as oracles

import fnnet as fn


@dataclass(frozen=True)
class Metric:
    """A metric to prove, on 8-bit pictures of several `sizes` (height, width, channels).

    `best` is its value for equal pictures, `least` the side below which it refuses.
    """

    name: str
    oracle: Callable
    sizes: tuple
    best: float
    least: int = 1


# Odd sides, one channel, exactly one window, and more rows than one strip.
SSIM_SIZES = ((40, 33, 3), (11, 11, 1), (11, 40, 2), (150, 12, 3), (74, 20, 1), (75, 20, 1))

METRICS = [
    Metric("psnr", oracles.psnr, ((5, 4, 3), (1, 1, 1)), np.inf),
    Metric("ssim", partial(oracles.gaussian_ssim, peak=255), SSIM_SIZES, 1, 11),
    Metric("ssim_uniform7", partial(oracles.scikit_ssim, peak=255), SSIM_SIZES, 1, 7),
    Metric("ssim_box8", oracles.box_ssim, ((20, 13, 3), (8, 9, 1), (73, 9, 1)), 1, 8),
    Metric("ms_ssim", partial(oracles.ms_ssim, peak=255), ((161, 162, 1), (179, 163, 1)), 1, 161),
    Metric("psnrb", oracles.psnrb, ((24, 16, 1), (29, 35, 3), (31, 18, 1)), np.inf, 16),
    Metric(
        "psnrb_channels",
        oracles.psnrb_channels,
        ((24, 16, 1), (29, 35, 3), (16, 18, 2)),
        np.inf,
        16,
    ),
]
# What is no comparison of two pictures, and has a test of its own.
OTHER_METRICS = {"bits_per_pixel", "to_8_bit"}


@dataclass(frozen=True)
class Colour:
    """A conversion from RGB to prove, with its inverse, on colours in 0..1."""

    name: str
    inverse: str
    oracle: Callable

    def forward(self, x, **options):
        return getattr(fn.ops, self.name)(x, **options)

    def backward(self, x, **options):
        return getattr(fn.ops, self.inverse)(x, **options)


_SIXTEEN, _MIDDLE = 16 / 255, 128 / 255
COLOURS = [
    Colour(
        "rgb_to_ycbcr",
        "ycbcr_to_rgb",
        partial(
            oracles.ycbcr,
            weights=[
                [0.299, 0.587, 0.114],
                [-0.299 / 1.772, -0.587 / 1.772, 0.886 / 1.772],
                [0.701 / 1.402, -0.587 / 1.402, -0.114 / 1.402],
            ],
            offsets=[0, _MIDDLE, _MIDDLE],
        ),
    ),
    Colour(
        "rgb_to_ycbcr_studio",
        "ycbcr_studio_to_rgb",
        partial(
            oracles.ycbcr,
            weights=[
                [65.481 / 255, 128.553 / 255, 24.966 / 255],
                [-37.797 / 255, -74.203 / 255, 112 / 255],
                [112 / 255, -93.786 / 255, -18.214 / 255],
            ],
            offsets=[_SIXTEEN, _MIDDLE, _MIDDLE],
        ),
    ),
]
