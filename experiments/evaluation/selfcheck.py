"""Self-check of metrics and JPEG recipes: JPEG's reference values, measured again and compared.

The rows are means over LIVE1, over Classic5, and values of photographs that come with scikit-image,
so that every machine has something to compare.
"""

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass

import numpy as np

from experiments.evaluation.baselines import JpegRow, image_rows, jpeg_rows
from experiments.images import JPEG_RECIPES, ImageError, embedded_images, open_set
from experiments.system.errors import RunError
from experiments.system.hardware import cores
from fnnet import metrics

TITLES = {"live1": "LIVE1", "classic5": "Classic5"}
DECIBELS, SIMILARITY = 0.01, 0.0005  # tolerances of a value against its reference


@dataclass(frozen=True)
class Cell:
    """A measured value, and the reference row that it must equal."""

    row: JpegRow
    measured: float

    @property
    def faults(self):
        """List the references that the value differs from by more than the tolerance."""
        references = {"expected": f"{self.row.measured:.4f}"}
        if self.row.reproduced:
            references["published"] = str(self.row.published)
        tolerance = DECIBELS if self.row.metric.startswith("psnr") else SIMILARITY
        return [
            f"{kind} {value} ({self.measured - float(value):+.4f})"
            for kind, value in references.items()
            if not abs(self.measured - float(value)) <= tolerance  # NaN differs from everything
        ]

    def sentence(self):
        """Describe the cell, its value, and the references that it misses."""
        name = TITLES.get(self.row.set, self.row.set)
        where = f"{name} {self.row.recipe} {quality_label(self.row.quality)} {self.row.metric}"
        return f"{where}: measured {self.measured:.4f}, {', '.join(self.faults)}"


def quality_label(quality):
    """Format a quality, or a pair of them."""
    return f"q={quality}" if isinstance(quality, int) else "q={},{}".format(*quality)


def measure(rows, sets, follow=lambda results, total: results):
    """Measure the values of rows again on the images of each set that they name.

    Returns one `Cell` per row, in order: the mean of the values of the set's images.
    ``follow(iterable, total) -> iterable`` can show progress.
    """
    names = defaultdict(list)
    for row in rows:
        names[row.set, row.recipe, row.quality].append(row.metric)
    jobs = [(key, image) for key in names for image in sets[key[0]]]
    values = defaultdict(list)
    with (
        ThreadPoolExecutor(min(8, cores())) as pool,
        # Closed first: an interrupt need not wait for jobs that have not begun.
        closing(pool.map(lambda job: _values(*job, names[job[0]]), jobs)) as results,
    ):
        for (key, _), result in zip(jobs, follow(results, len(jobs)), strict=True):
            values[key].append(result)
    means = {
        (*key, name): mean
        for key in names
        for name, mean in zip(names[key], np.mean(values[key], axis=0).tolist(), strict=True)
    }
    return [Cell(row, means[row.set, row.recipe, row.quality, row.metric]) for row in rows]


def _values(key, image, names):
    _, recipe, quality = key
    original, degraded = JPEG_RECIPES[recipe](image, quality)
    return [getattr(metrics, name)(original, degraded) for name in names]


def known_set(data):
    """Open a set and identify it by its pixels.

    Takes what `experiments.images.locate` does. Returns "live1" or "classic5", and the set's
    images; raises `ImageError` if it is neither, or cannot be read.
    """
    images = open_set(data).originals
    name = name_of(images)
    if name is None:
        shares = " and ".join(
            f"{len(hashes & _hashes(images))} of {TITLES[title]}'s {len(hashes)}"
            for title, hashes in _hashes_by_set().items()
        )
        raise ImageError(
            f"{data}: neither LIVE1 nor Classic5, judged by the pixels: of its {len(images)} "
            f"images, {shares} are here"
        )
    return name, images


def name_of(images):
    """Identify a set by its images' pixels: "live1", "classic5", or None."""
    present = _hashes(images)
    return next((name for name, hashes in _hashes_by_set().items() if hashes == present), None)


def _hashes(images):
    return {image.sha256 for image in images}


def _hashes_by_set():
    hashes = defaultdict(set)
    for row in image_rows():
        hashes[row.set].add(row.sha256)
    return hashes


def embedded_sets():
    """Return scikit-image's photographs, each a set of one under its own name."""
    return {image.name: (image,) for image in embedded_images()}


def check_metrics(names, images=()):
    """Check metrics of `fnnet.metrics` before use on JPEG's rows at quality 10, in 1 to 3 seconds.

    If the `images` to be measured are LIVE1, the check runs on them; otherwise on the named set
    live1; without it, on scikit-image's photographs. Returns a line on what was checked; raises
    `RunError` if a value differs from its reference.
    """
    sets = _live1(images) or embedded_sets()
    rows = [
        row for row in jpeg_rows() if row.set in sets and row.quality == 10 and row.metric in names
    ]
    wrong = [cell for cell in measure(rows, sets) if cell.faults]
    if wrong:
        raise RunError(
            f"metrics miss their references, so nothing is measured by them: {len(wrong)} of "
            f"{len(rows)} known values differ, the first is {wrong[0].sentence()}; "
            "python -m experiments.selftest shows all"
        )
    where = TITLES.get(rows[0].set, "scikit-image's photographs")
    return (
        f"{' and '.join(names)} checked: {len(rows)} known values of JPEG at quality 10, grey and "
        f"colour, were met on {where}"
    )


def _live1(images):
    if name_of(images) == "live1":
        return {"live1": images}
    try:
        return dict([known_set("live1")])
    except ImageError:
        return None
