"""A trained network as one more codec: its curve over a set, through real files."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from experiments import evaluation
from experiments.codecs.cache import PointCache
from experiments.codecs.curves import MeanPoint, mean_points
from experiments.codecs.encoders import ANCHOR, ANCHOR_QUALITIES
from experiments.codecs.points import MS_SSIM_LEAST, Figures, Point, measure_all
from fnnet import metrics

NAME = "network"


def curve_points(codec, pictures, done=lambda: None):
    """Write, read and measure every picture at every rate.

    Parameters
    ----------
    codec : Codec
    pictures : sequence of Picture
    done : callable
        Called after each file.

    Returns
    -------
    list of MeanPoint
        One a rate, whose `quality` is its number from 1.
    """
    return [_mean(codec, rate, pictures, done) for rate in range(codec.rates)]


def anchor_points(pictures, done=lambda: None):
    """Measure JPEG on the same pictures, or know it from the cache of `classical`."""
    cache = PointCache(None)
    points = [
        Point(picture, ANCHOR, quality) for quality in ANCHOR_QUALITIES for picture in pictures
    ]
    figures = {point: cache.get(point) for point in points}

    def keep(point, measured):
        figures[point] = measured
        cache.put(point, measured)
        done()

    measure_all([point for point in points if figures[point] is None], keep)
    return mean_points([Point(p.picture, p.codec, p.quality, figures[p]) for p in points])


def _mean(codec, rate, pictures, done):
    apply = evaluation.through_files(codec, rate)

    def measure(picture):
        figures = _figures(apply(picture.pixels), picture)
        done()
        return figures

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(measure, pictures))
    rates = [
        metrics.bits_per_pixel(one.file_bytes, *picture.shape[:2])
        for one, picture in zip(found, pictures, strict=True)
    ]
    known = {name: [getattr(one, name) for one in found] for name in ("psnr", "ssim", "ms_ssim")}
    means = {
        name: None if None in values else float(np.mean(values)) for name, values in known.items()
    }
    return MeanPoint(NAME, rate + 1, len(pictures), float(np.mean(rates)), **means)


def _figures(output, picture):
    psnr, ssim = evaluation.compare(picture.pixels, output.pixels)
    ms_ssim = None
    if min(picture.shape[:2]) >= MS_SSIM_LEAST:
        ms_ssim = float(metrics.ms_ssim(picture.pixels[None], output.pixels[None])[0])
    return Figures(output.file_bytes, psnr, ssim, ms_ssim)
