"""A trained network as one more codec: its curve over a set, through real files."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from experiments.codecs.cache import PointCache
from experiments.codecs.curves import mean_points
from experiments.codecs.encoders import ANCHOR, ANCHOR_QUALITIES
from experiments.codecs.points import Figures, Point, compare, measure_all
from experiments.evaluation import scores

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
    applies = [scores.through_files(codec, rate) for rate in range(codec.rates)]

    def measured(job):
        rate, picture = job
        output = applies[rate](picture.pixels)
        figures = Figures(output.file_bytes, *compare(picture, picture.pixels, output.pixels))
        done()
        return Point(picture, NAME, rate + 1, figures)

    jobs = [(rate, picture) for rate in range(codec.rates) for picture in pictures]
    with ThreadPoolExecutor(2) as pool:
        return mean_points(list(pool.map(measured, jobs)))


def anchor_points(pictures):
    """Measure JPEG on the same pictures, or know it from the cache of `classical`."""
    cache = PointCache()
    points = [
        Point(picture, ANCHOR, quality) for quality in ANCHOR_QUALITIES for picture in pictures
    ]
    figures = {point: cache.get(point) for point in points}

    def keep(point, measured):
        figures[point] = measured
        cache.put(point, measured)

    measure_all([point for point in points if figures[point] is None], keep)
    return mean_points([replace(point, figures=figures[point]) for point in points])
