"""Do metrics and JPEG recipes give what they must: JPEG's own rows, measured again and compared.

The rows are means over LIVE1, over Classic5, and values of photographs that come with scikit-image,
so that there is something to compare on every machine.
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
DECIBELS, SIMILARITY = 0.01, 0.0005  # how far a value may be from the reference


@dataclass(frozen=True)
class Cell:
    """A value that was found, beside the row of the reference that it must equal."""

    row: JpegRow
    found: float

    @property
    def faults(self):
        """What the value differs from by more than the tolerance: a list of phrases."""
        references = {"expected": f"{self.row.measured:.4f}"}
        if self.row.reproduced:
            references["published"] = str(self.row.published)
        tolerance = DECIBELS if self.row.metric.startswith("psnr") else SIMILARITY
        return [
            f"{kind} {value} ({self.found - float(value):+.4f})"
            for kind, value in references.items()
            if not abs(self.found - float(value)) <= tolerance  # NaN differs from everything
        ]

    def sentence(self):
        """Name the cell, its value, and what that differs from."""
        name = TITLES.get(self.row.set, self.row.set)
        where = f"{name} {self.row.recipe} {quality_label(self.row.quality)} {self.row.metric}"
        return f"{where}: measured {self.found:.4f}, {', '.join(self.faults)}"


def quality_label(quality):
    """Write a quality, or a pair of them, for people."""
    return f"q={quality}" if isinstance(quality, int) else "q={},{}".format(*quality)


def measure(rows, sets, follow=lambda results, total: results):
    """Measure the rows' values again on their images.

    Parameters
    ----------
    rows : list of JpegRow
    sets : mapping of str to sequence of StoredImage
        The images of each set that the rows name.
    follow : callable
        ``(iterable, total) -> iterable``, for a bar.

    Returns
    -------
    list of Cell
        One a row, in their order: the mean over the set's images of each one's own value.
    """
    names = defaultdict(list)
    for row in rows:
        names[row.set, row.recipe, row.quality].append(row.metric)
    jobs = [(key, image) for key in names for image in sets[key[0]]]
    values = defaultdict(list)
    with (
        ThreadPoolExecutor(min(8, cores())) as pool,
        # Closed first: who interrupts need not wait for what has not begun.
        closing(pool.map(lambda job: _values(*job, names[job[0]]), jobs)) as results,
    ):
        for (key, _), found in zip(jobs, follow(results, len(jobs)), strict=True):
            values[key].append(found)
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
    """Open a set and tell by its pixels which one it is.

    Parameters
    ----------
    data : str or Path
        What `experiments.images.locate` takes.

    Returns
    -------
    str, tuple of StoredImage
        "live1" or "classic5", and its images.

    Raises
    ------
    ImageError
        If it is neither, or cannot be read.
    """
    images = open_set(data).originals
    name = name_of(images)
    if name is None:
        shares = " and ".join(
            f"{len(hashes & _hashes(images))} of {TITLES[known]}'s {len(hashes)}"
            for known, hashes in _known_hashes().items()
        )
        raise ImageError(
            f"{data}: neither LIVE1 nor Classic5, told by the pixels: of its {len(images)} "
            f"images, {shares} are here"
        )
    return name, images


def name_of(images):
    """Tell by their pixels which set some images are: "live1", "classic5", or None."""
    found = _hashes(images)
    return next((name for name, hashes in _known_hashes().items() if hashes == found), None)


def _hashes(images):
    return {image.sha256 for image in images}


def _known_hashes():
    known = defaultdict(set)
    for row in image_rows():
        known[row.set].add(row.sha256)
    return known


def embedded_sets():
    """Give scikit-image's photographs, each a set of one under its own name."""
    return {image.name: (image,) for image in embedded_images()}


def check_metrics(names, images=()):
    """Check metrics that are about to be printed on JPEG's rows at quality 10, in 1 to 3 seconds.

    Parameters
    ----------
    names : sequence of str
        Of `fnnet.metrics`.
    images : sequence of StoredImage
        What will be measured. If that is LIVE1, the check is made on it; otherwise on the named
        set live1; where there is none, on scikit-image's photographs.

    Returns
    -------
    str
        What was checked.

    Raises
    ------
    RunError
        If a value is not what it must be.
    """
    sets = _live1(images) or embedded_sets()
    rows = [
        row for row in jpeg_rows() if row.set in sets and row.quality == 10 and row.metric in names
    ]
    wrong = [cell for cell in measure(rows, sets) if cell.faults]
    if wrong:
        raise RunError(
            f"metrics are not what they must be, so nothing is measured by them: {len(wrong)} of "
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
