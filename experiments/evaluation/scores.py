"""Scores of a network's images beside JPEG's, and a network's costs."""

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import jax
import numpy as np

from experiments.images import version_within
from experiments.networks.tasks import normalise
from fnnet import metrics
from fnnet.summary import rows as layer_rows


@dataclass(frozen=True)
class Score:
    """One image's figures: PSNR in dB, SSIM (None below 11x11 pixels), bits per pixel of files.

    `psnr` and `ssim` compare the network's output with the task's target, `bits_per_pixel` is the
    rate of its file, None for a network that writes none; `jpeg_psnr` and `jpeg_ssim` compare a
    JPEG version with the original: of at most as many bytes, or the task's own. `side` is the
    image's split, under its name in records.
    """

    name: str
    side: str
    psnr: float
    ssim: float | None
    jpeg_psnr: float
    jpeg_ssim: float | None
    jpeg_bits_per_pixel: float | None
    bits_per_pixel: float | None = None


@dataclass(frozen=True, eq=False)
class Outcome:
    """A network's output for a pair, a JPEG version, and the score; pixels (H, W, 3) uint8."""

    output: np.ndarray
    jpeg: np.ndarray
    score: Score


class Output(NamedTuple):
    """A network's image, (H, W, 3) uint8, and the size of its file, None if it writes none.

    `ideal_bytes` is the size of its latents by the tables, without the coder's overhead.
    """

    pixels: np.ndarray
    file_bytes: int | None = None
    ideal_bytes: float | None = None


def make_apply(model, params, state):
    """Build ``pixels (H, W, 3) uint8 -> Output`` of a network at inference, in grey levels."""
    # Weights are arguments: as constants they would make each network a program of its own, to be
    # compiled and cached anew.
    params, state = jax.device_put((params, state))
    forward = jax.jit(lambda params, state, x: model.apply(params, state, x)[0])

    def apply(pixels):
        return Output(metrics.to_8_bit(forward(params, state, normalise(pixels[None]))[0]))

    return apply


def through_files(codec, rate):
    """Build ``pixels (H, W, 3) uint8 -> Output`` of a codec: encode a file and decode it."""

    def apply(pixels):
        written = codec.write(pixels, rate)
        decoded = codec.read(written.data).pixels
        return Output(decoded, len(written.data), written.ideal_bits / 8)

    return apply


def outcome(apply, task, pair):
    """Apply a network to one pair and score the output."""
    output, file_bytes, _ = apply(pair.get(task.source))
    if file_bytes is None:
        jpeg, jpeg_rate, rate = pair.jpeg, pair.bits_per_pixel, None
    else:
        size = pair.image.shape[:2]
        jpeg, jpeg_bytes, _ = version_within(pair.original, file_bytes, is_grey=pair.image.is_grey)
        jpeg_rate, rate = (metrics.bits_per_pixel(n, *size) for n in (jpeg_bytes, file_bytes))
    score = Score(
        pair.image.name,
        pair.split,
        *compare(pair.get(task.target), output),
        *compare(pair.original, jpeg),
        jpeg_rate,
        rate,
    )
    return Outcome(output, jpeg, score)


def score_all(apply, task, pairs):
    """Score pairs, two at a time unless they are so large that memory might run out."""
    largest = max(math.prod(pair.image.shape[:2]) for pair in pairs)
    with ThreadPoolExecutor(2 if largest < 2**22 else 1) as pool:
        return list(pool.map(lambda pair: outcome(apply, task, pair).score, pairs))


def compare(original, other):
    """Compute PSNR in dB and SSIM (None where the image is too small) of (H, W, 3) images."""
    psnr = float(metrics.psnr(original, other))
    if min(original.shape[:2]) < 11:
        return psnr, None
    return psnr, float(metrics.ssim(original, other))


@dataclass(frozen=True)
class Cost:
    """A network's parameters, and its operations and latents for an image.

    `latents_per_value` is the bottleneck's size relative to the image's, None without one.
    """

    parameters: int
    multiply_adds_per_pixel: float
    latents_per_value: float | None


# A multiple of every network's stride, so that no padding is counted.
_SIZE = 960


def cost(model):
    """Count a network's parameters, multiply-adds and latents."""
    rows = layer_rows(model, (_SIZE, _SIZE, 3))
    latents = [math.prod(row.out_shape) for row in rows if row.path == "encoder"]
    return Cost(
        sum(row.parameters for row in rows),
        sum(row.multiply_adds for row in rows) / _SIZE**2,
        latents[0] / (3 * _SIZE**2) if latents else None,
    )
