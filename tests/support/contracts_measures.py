"""One row a loss, a metric, a colour conversion; the tests walk every row.

A new one is proven by adding a row; a test fails until then.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import jax.numpy as jnp
import numpy as np
import oracles_measures as oracles

import fnnet as fn
from fnnet import losses

# Most of these tests' time is XLA compiling MS-SSIM's gradient; unoptimised code takes a third.
QUICKLY = {"xla_backend_optimization_level": 0}


@dataclass(frozen=True)
class Loss:
    """A loss to prove: `oracle` takes what `inputs` gives, in NumPy float64.

    `limit` is the largest input that its mathematics can take in float32. The target of a loss
    with `free_target` may be anything that the prediction may be. Where `least` is given, smaller
    images are refused.
    """

    name: str
    call: Callable
    inputs: Callable
    oracle: Callable
    limit: float
    free_target: bool = True
    least: int | None = None


def normal(*shape):
    return np.random.default_rng(7).normal(size=shape)


def logits_and(target):
    return lambda: (2 * normal(3, 4, 5), target)


def images(*shape):
    """An image in 0..1 with a noisy version, both bright and smooth in places."""
    rng = np.random.default_rng(5)
    n, height, width, channels = shape
    rows, columns = np.arange(height)[:, None, None], np.arange(width)[:, None]
    waves = 0.7 + 0.25 * np.sin(rows / 5 + np.arange(channels)) * np.cos(columns / 7)
    x = np.stack([waves + 0.03 * (i + 1) * rng.normal(size=waves.shape) for i in range(n)])
    return np.clip(x + 0.05 * rng.normal(size=shape), 0, 1), np.clip(x, 0, 1)


def two_normals():
    return normal(3, 4, 5), normal(2, 3, 4, 5)[1]


UNIFORM = np.random.default_rng(8).random((3, 4, 5))
LABELS = np.random.default_rng(9).integers(0, 5, (3, 4), np.int32)
PROBABILITIES = UNIFORM / UNIFORM.sum(-1, keepdims=True)


def of_labels(logits, labels):
    return oracles.softmax_cross_entropy(logits, np.eye(logits.shape[-1])[labels])


LOSSES = [
    Loss("mse", losses.mse, two_normals, oracles.elementwise(lambda a, b: (a - b) ** 2), 1e15),
    Loss("mae", losses.mae, two_normals, oracles.elementwise(lambda a, b: abs(a - b)), 1e30),
    Loss(
        "charbonnier",
        partial(losses.charbonnier, epsilon=0.1),
        two_normals,
        oracles.elementwise(lambda a, b: ((a - b) ** 2 + 0.01) ** 0.5),
        1e15,
    ),
    Loss(
        "huber",
        partial(losses.huber, delta=0.7),
        two_normals,
        oracles.elementwise(partial(oracles.huber, delta=0.7)),
        1e30,
    ),
    Loss(
        "binary_cross_entropy",
        losses.binary_cross_entropy,
        logits_and(UNIFORM),
        oracles.elementwise(oracles.binary_cross_entropy),
        1e30,
        free_target=False,
    ),
    Loss(
        "softmax_cross_entropy_labels",
        losses.softmax_cross_entropy,
        logits_and(LABELS),
        of_labels,
        1e30,
        free_target=False,
    ),
    Loss(
        "softmax_cross_entropy",
        losses.softmax_cross_entropy,
        logits_and(PROBABILITIES),
        oracles.softmax_cross_entropy,
        1e30,
        free_target=False,
    ),
    Loss(
        "ssim",
        losses.ssim,
        lambda: images(2, 14, 17, 3),
        lambda x, y: 1 - np.array(oracles.gaussian_ssim(x, y, 1)),
        1e6,
        least=11,
    ),
    Loss(
        "ms_ssim",
        partial(losses.ms_ssim, peak=1.5),
        lambda: images(2, 161, 166, 1),
        lambda x, y: 1 - np.array(oracles.ms_ssim(x, y, 1.5)),
        1e6,
        least=161,
    ),
    Loss(
        "total_variation",
        losses.total_variation,
        lambda: (normal(2, 5, 4, 3),),
        oracles.total_variation,
        1e30,
    ),
]


@dataclass(frozen=True)
class Metric:
    """A metric to prove, on 8-bit images of several `sizes` (height, width, channels).

    `best` is its value for equal images, `least` the side below which it refuses.
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
# What is no comparison of two images, and has a test of its own.
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


def is_float(x):
    return np.issubdtype(x.dtype, np.floating)


def inputs_of(row, dtype):
    """Return a loss's inputs, the floating-point ones in `dtype`."""
    return tuple(jnp.asarray(x, dtype if is_float(x) else x.dtype) for x in row.inputs())
