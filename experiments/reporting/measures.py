"""Measures that compare runs: of each image, or of a whole run."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from experiments.sweeps.records import Record

RUN = ""  # what stands for an image where a measure is of the whole run


@dataclass(frozen=True)
class Measure:
    """A measure that compares runs.

    Attributes
    ----------
    name, label, unit : str
    digits : int
        Behind the decimal point, as it is written.
    parts : callable
        ``record -> list of (sign, {(image, rate): value or None})``: the measure is the sum of
        each part's mean over the images, with its sign.
    """

    name: str
    label: str
    unit: str
    digits: int
    parts: Callable[[Record], list]


def level(record, measure):
    """Compute a finished run's own value of a measure; None if it has none."""
    total = 0.0
    for sign, values in measure.parts(record):
        known = list(values.values())
        if not known or None in known:
            return None
        total += sign * float(np.mean(known))
    return total if math.isfinite(total) else None


def _of_images(function):
    return lambda record: [(1, _values(record.held_out, function))]


def _values(images, function):
    return {(image.name, image.rate): function(image) for image in images}


def advantage(image):
    """Compute by how many dB an image is better than JPEG's of at most as many bytes."""
    return image.psnr - image.jpeg_psnr


def bits_per_pixel(image):
    """Compute the whole file's bits a pixel; None where nothing is coded."""
    size, pixels = image.file_bytes, image.pixels
    return None if size is None or not pixels else 8 * size / pixels


def _gap(record):
    return [(1, _values(record.trained_on, advantage)), (-1, _values(record.held_out, advantage))]


def _of_run(function):
    """Take a whole run's value; it has no image, so that only seeds are resampled."""
    return lambda record: [(1, {(RUN, None): function(record)})]


def steps_to(quality):
    """Build the measure of steps until held-out crops have `quality`, a key of ``steps_to``."""
    label = f"steps to {quality} dB on held-out crops"
    return Measure("steps_to", label, "steps", 0, _of_run(lambda run: run.steps_to.get(quality)))


MEASURES = {
    measure.name: measure
    for measure in (
        Measure("advantage", "advantage over JPEG", "dB", 2, _of_images(advantage)),
        Measure("psnr", "PSNR", "dB", 2, _of_images(lambda image: image.psnr)),
        Measure("ssim", "SSIM", "", 4, _of_images(lambda image: image.ssim)),
        Measure("bits_per_pixel", "rate", "bits a pixel", 3, _of_images(bits_per_pixel)),
        Measure("gap", "gap between training and held-out images", "dB", 2, _gap),
        Measure(
            "spikes", "spikes of the loss", "steps", 1, _of_run(lambda run: run.stability.spikes)
        ),
        Measure(
            "gradient_norm",
            "median gradient norm",
            "",
            3,
            _of_run(lambda run: run.stability.gradient_norm_median),
        ),
        Measure("seconds", "training time", "s", 1, _of_run(lambda run: run.seconds)),
    )
}


def main_measure(task):
    """Return the measure that decides: of compression not PSNR alone, since rates differ."""
    return MEASURES["advantage" if task == "autoencode" else "psnr"]
