"""Rate-distortion curve of a trained network, measured through files, and of JPEG beside it."""

from concurrent.futures import ThreadPoolExecutor

from experiments.codecs.cache import MeasurementCache
from experiments.codecs.curves import mean_points
from experiments.codecs.encoders import ANCHOR, ANCHOR_QUALITIES
from experiments.codecs.measurement import Encoding, Measurement, compare
from experiments.evaluation import scores

NAME = "network"


def curve_points(codec, images, done=lambda: None):
    """Write, read and measure every image at every rate, calling ``done()`` after each file.

    Returns one `RatePoint` per rate, whose `quality` is its number from 1.
    """
    applies = [scores.through_files(codec, rate) for rate in range(codec.rates)]
    encodings = [Encoding(image, NAME, rate + 1) for rate in range(codec.rates) for image in images]

    def measure(encoding):
        image = encoding.image
        output = applies[encoding.quality - 1](image.pixels)
        measurement = Measurement(output.file_bytes, *compare(image, image.pixels, output.pixels))
        done()
        return measurement

    with ThreadPoolExecutor(2) as pool:
        return mean_points(dict(zip(encodings, pool.map(measure, encodings), strict=True)))


def anchor_points(images):
    """Measure JPEG on the same images, or read it from the cache of `classical`."""
    cache = MeasurementCache()
    encodings = (Encoding(image, ANCHOR, q) for q in ANCHOR_QUALITIES for image in images)
    return mean_points(cache.complete({encoding: cache.get(encoding) for encoding in encodings}))
