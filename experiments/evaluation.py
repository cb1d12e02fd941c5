"""How good a network's pictures are, beside JPEG's."""

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import jax
import numpy as np

from experiments.tasks import normalise
from fnnet import metrics
from fnnet.summary import rows as layer_rows


@dataclass(frozen=True)
class Score:
    """One picture's figures: dB, SSIM (None below 11x11 pixels), bits per pixel.

    `psnr` and `ssim` compare the network's output with the task's target; `jpeg_psnr` and
    `jpeg_ssim` compare the JPEG version with the original.
    """

    name: str
    side: str
    psnr: float
    ssim: float | None
    jpeg_psnr: float
    jpeg_ssim: float | None
    jpeg_bits_per_pixel: float | None


def make_apply(model, params, state):
    """Make ``pixels (H, W, 3) uint8 -> pixels``: the network in use, rounded to grey levels."""
    # Weights are arguments: as constants they would make each network a program of its own, to be
    # compiled and kept anew.
    params, state = jax.device_put((params, state))
    forward = jax.jit(lambda params, state, x: model.apply(params, state, x)[0])

    def apply(pixels):
        return metrics.to_8_bit(forward(params, state, normalise(pixels[None]))[0])

    return apply


def score(apply, task, pair):
    """Measure one pair."""
    output = apply(pair.get(task.source))
    return Score(
        pair.picture.name,
        pair.side,
        *compare(pair.get(task.target), output),
        *compare(pair.original, pair.jpeg),
        pair.bits_per_pixel,
    )


def score_all(apply, task, pairs):
    """Measure pairs, two at a time unless they are so large that memory might run out."""
    largest = max(math.prod(pair.picture.shape[:2]) for pair in pairs)
    with ThreadPoolExecutor(2 if largest < 2**22 else 1) as pool:
        return list(pool.map(lambda pair: score(apply, task, pair), pairs))


def compare(original, other):
    """Compute PSNR in dB and SSIM (None where the picture is too small) of (H, W, 3) pictures."""
    psnr = float(metrics.psnr(original[None], other[None])[0])
    if min(original.shape[:2]) < 11:
        return psnr, None
    return psnr, float(metrics.ssim(original[None], other[None])[0])


def mean(scores, name):
    """Average one figure over the scores that have it; None if none has."""
    values = [getattr(score, name) for score in scores if getattr(score, name) is not None]
    return float(np.mean(values)) if values else None


@dataclass(frozen=True)
class Cost:
    """What a network is made of and what a picture costs.

    `latents_per_value` is how many numbers the bottleneck holds for each of the picture's, None
    without a bottleneck.
    """

    parameters: int
    multiply_adds_per_pixel: float
    latents_per_value: float | None

    @property
    def bits_per_pixel(self):
        """Rate of the latents if each takes 8 bits, uncoded."""
        return 24 * self.latents_per_value


# A multiple of every stride in use, so that no padding is counted.
_SIDE = 960


def cost(model):
    """Count a network's parameters, multiply-adds and latents."""
    rows = layer_rows(model, (_SIDE, _SIDE, 3))
    latents = [math.prod(row.out_shape) for row in rows if row.path.endswith("/encoder")]
    return Cost(
        sum(row.parameters for row in rows),
        sum(row.multiply_adds for row in rows) / _SIDE**2,
        latents[0] / (3 * _SIDE**2) if latents else None,
    )
