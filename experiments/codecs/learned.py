"""A trained network as one more codec: its curve over a set, through real files."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from experiments.codecs.cache import PointCache
from experiments.codecs.curves import mean_points
from experiments.codecs.encoders import ANCHOR, ANCHOR_QUALITIES
from experiments.codecs.points import Figures, Point, compare, measure_all
from experiments.evaluation import scores

NAME = "network"


def curve_points(codec, images, done=lambda: None):
    """Write, read and measure every image at every rate.

    Parameters
    ----------
    codec : Codec
    images : sequence of StoredImage
    done : callable
        Called after each file.

    Returns
    -------
    list of MeanPoint
        One a rate, whose `quality` is its number from 1.
    """
    applies = [scores.through_files(codec, rate) for rate in range(codec.rates)]

    def measured(job):
        rate, image = job
        output = applies[rate](image.pixels)
        figures = Figures(output.file_bytes, *compare(image, image.pixels, output.pixels))
        done()
        return Point(image, NAME, rate + 1, figures)

    jobs = [(rate, image) for rate in range(codec.rates) for image in images]
    with ThreadPoolExecutor(2) as pool:
        return mean_points(list(pool.map(measured, jobs)))


def anchor_points(images):
    """Measure JPEG on the same images, or know it from the cache of `classical`."""
    cache = PointCache()
    points = [Point(image, ANCHOR, quality) for quality in ANCHOR_QUALITIES for image in images]
    figures = {point: cache.get(point) for point in points}

    def keep(point, measured):
        figures[point] = measured
        cache.put(point, measured)

    measure_all([point for point in points if figures[point] is None], keep)
    return mean_points([replace(point, figures=figures[point]) for point in points])
