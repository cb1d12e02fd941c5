"""One row a colour conversion; the tests walk every row.

A new one is proven by adding a row; a test fails until then.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import oracles_measures as oracles

import fnnet as fn


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
