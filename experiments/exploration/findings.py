"""Measurements of a set: its originals, its versions, and JPEG versions if it has none."""

import contextlib
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from experiments.evaluation.scores import compare
from experiments.exploration import descriptors
from experiments.exploration.artefacts import CloseUp, find_close_ups
from experiments.images import (
    ImageError,
    ImageSet,
    is_jpeg,
    made_version,
    quality_of_file,
    quality_of_pixels,
)
from fnnet.metrics import bits_per_pixel

QUALITIES = (5, 10, 20, 30, 40, 50, 70, 90, 95)
ARTEFACT_QUALITY = 10  # at which the close-ups are searched
# Photographs that were never compressed stay below 1.04 (116 of LIVE1, Kodak and others); those of
# Set14 that were, at any offset, reach at least 1.09.
GRID_SHOWS = 1.05
# Tolerances between a stated rate and the file's: a share of it, and bits per pixel.
RATE_SHARE, RATE_LEAST = 0.02, 0.01
CURVES = 100  # limit of images that are compressed here, or drawn as a curve
LARGE = 2**22  # pixels: images of this size are measured one at a time, to spare memory
_large = threading.Lock()


@dataclass(frozen=True)
class Description:
    """The descriptors of an original, None where `descriptors` has no number for it.

    `file_quality` is that of an original which is a JPEG file with libjpeg's tables.
    """

    image: str
    width: int
    height: int
    is_grey: bool
    file_quality: int | None
    brightness: float
    contrast: float
    colorfulness: float
    noise_sigma: float | None
    sharpness: float | None
    blockiness: float | None
    strongest_grid: float | None
    grid_row: int
    grid_column: int
    sha256: str


@dataclass(frozen=True)
class Measure:
    """A version compared with its original.

    `quality_from` is the source of the quality: "made" here; "pixels" that Pillow's JPEG at this
    quality decodes to; "tables" of a JPEG file with other pixels; "lossless" for a copy; "unknown".
    `rate_from` is that of the rate: "file"; the set's "index"; "pixels" that were compressed again.
    `file_bits_per_pixel` is the rate of the version's JPEG file, or of Pillow's with the same
    pixels: a stated rate should equal it.
    """

    image: str  # the original's name
    quality: int | None
    quality_from: str
    bits_per_pixel: float | None
    rate_from: str | None
    psnr: float  # in dB
    ssim: float | None  # None below 11x11 pixels
    blockiness: float | None
    path: Path | None = None
    stated_quality: int | None = None
    stated_bits_per_pixel: float | None = None
    stated_lossless: bool | None = None
    file_bits_per_pixel: float | None = None
    score: float | None = None  # mean opinion score

    @property
    def is_lossless(self):
        """Return whether this is a copy of the original, pixel for pixel."""
        return self.quality_from == "lossless"

    @property
    def has_wrong_rate(self):
        """Return whether the index states another rate than the file's, beyond tolerances."""
        stated, actual = self.stated_bits_per_pixel, self.file_bits_per_pixel
        if self.is_lossless or stated is None or actual is None:
            return False
        return not abs(stated - actual) <= RATE_SHARE * actual + RATE_LEAST  # NaN is wrong


@dataclass(frozen=True, eq=False)
class Findings:
    """Results for one original and its versions; no `description` if it could not be read."""

    description: Description | None = None
    measures: tuple[Measure, ...] = ()
    faults: tuple[str, ...] = ()
    histogram: np.ndarray | None = None
    close_ups: dict[str, CloseUp] = field(default_factory=dict)


def versions_by_original(image_set):
    """Group a set's versions by their original's name; return faults for those without one."""
    names = {image.name for image in image_set.originals}
    versions, faults = defaultdict(list), []
    for version in image_set.versions:
        if version.original in names:
            versions[version.original].append(version)
        else:
            faults.append(f"{version.path}: no original in the set")
    return versions, faults


def explore_image(image_set, image, versions, qualities):
    """Measure an original and its versions; unreadable files become faults.

    `versions` are those of this original, and `qualities` those at which it is compressed besides.
    """
    try:
        pixels = image.pixels
    except ImageError as error:
        return Findings(faults=(str(error),))
    alone = _large if pixels[..., 0].size >= LARGE else contextlib.nullcontext()
    with alone:
        measures, faults = [], []
        for version in versions:
            try:
                measures.append(_measure_version(image_set, image, pixels, version))
            except ImageError as error:
                faults.append(str(error))
        measures += [_measure_jpeg(image, pixels, quality) for quality in qualities]
        luma = descriptors.luma(pixels)
        degraded, _ = made_version(pixels, ARTEFACT_QUALITY, is_grey=image.is_grey)
        return Findings(
            describe(image, pixels, luma),
            tuple(measures),
            tuple(faults),
            descriptors.histogram(pixels, luma),
            find_close_ups(pixels, degraded),
        )


def describe(image, pixels, luma):
    """Compute the descriptors of an original from its `pixels` (H, W, 3) and `luma` (H, W)."""
    height, width = luma.shape
    grid, (row, column) = descriptors.strongest_grid(luma)
    return Description(
        image.name,
        width,
        height,
        image.is_grey,
        None if image.path is None else quality_of_file(image.path),
        descriptors.brightness(luma),
        descriptors.contrast(luma),
        descriptors.colorfulness(pixels),
        descriptors.noise_sigma(luma),
        descriptors.sharpness(luma),
        descriptors.blockiness(luma),
        grid,
        row,
        column,
        image.sha256,
    )


def _measure_jpeg(image, original, quality):
    pixels, size = made_version(original, quality, is_grey=image.is_grey)
    rate = bits_per_pixel(size, *pixels.shape[:2])
    return Measure(image.name, quality, "made", rate, "file", *_figures(original, pixels))


def _measure_version(image_set, image, original, version):
    """Find a version's quality and rate, and compare it with the original's pixels."""
    pixels = image_set.read_version(version).pixels
    quality, quality_from, pillow_bytes = _find_quality(original, pixels, version)
    file_bytes = version.path.stat().st_size if is_jpeg(version.path) else None
    of_file, of_pixels = (
        size and bits_per_pixel(size, *pixels.shape[:2]) for size in (file_bytes, pillow_bytes)
    )
    rates = {"file": of_file, "index": version.bits_per_pixel, "pixels": of_pixels}
    rate_from = next((name for name, rate in rates.items() if rate is not None), None)
    return Measure(
        image.name,
        quality,
        quality_from,
        rates.get(rate_from),
        rate_from,
        *_figures(original, pixels),
        path=version.path,
        stated_quality=version.quality,
        stated_bits_per_pixel=version.bits_per_pixel,
        stated_lossless=version.is_lossless,
        file_bits_per_pixel=of_file or of_pixels,
        score=version.score,
    )


def _find_quality(original, pixels, version):
    """Return a version's quality, its source, and the bytes of Pillow's file with these pixels."""
    by_tables = quality_of_file(version.path)
    if np.array_equal(original, pixels):
        return None, "lossless", None
    by_pixels = quality_of_pixels(original, pixels, expected=version.quality or by_tables)
    if by_pixels:
        return by_pixels[0], "pixels", by_pixels[1]
    return by_tables, "tables" if by_tables else "unknown", None


def _figures(original, pixels):
    return (*compare(original, pixels), descriptors.blockiness(descriptors.luma(pixels)))


@dataclass(frozen=True, eq=False)
class Exploration:
    """All findings of a set, in the order of its originals."""

    image_set: ImageSet
    splits: dict[str, str]
    findings: tuple[Findings, ...]
    faults: tuple[str, ...]

    @property
    def descriptions(self):
        """Return the descriptions of the originals that could be read."""
        return [result.description for result in self.findings if result.description]

    @property
    def measures(self):
        """Return the measures of all versions, the set's own and those compressed here."""
        return [measure for result in self.findings for measure in result.measures]

    @property
    def compressed(self):
        """Return the measures of all versions but lossless copies."""
        return [measure for measure in self.measures if not measure.is_lossless]

    @property
    def scored(self):
        """Return the measures of compressed versions with an opinion score."""
        return [measure for measure in self.compressed if measure.score is not None]

    @property
    def score_name(self):
        """Return the scale of the opinion scores."""
        return self.image_set.score_name or "opinion score"

    def find(self, name):
        """Return the original of that name."""
        return next(image for image in self.image_set.originals if image.name == name)


def spread(items, most):
    """Choose at most `most` items, evenly from first to last."""
    count = min(len(items), most)
    return [items[index * len(items) // count] for index in range(count)]


def best_close_ups(findings):
    """Choose the close-up that shows each artefact best, each of another image where possible.

    Returns pairs of an image's name and a `CloseUp`, by artefact.
    """
    chosen = {}
    for artefact in ("blocking", "ringing", "colour bleeding"):
        close_ups = [
            (result.description.image, result.close_ups[artefact])
            for result in findings
            if artefact in result.close_ups
        ]
        taken = {name for name, _ in chosen.values()}
        close_ups = [item for item in close_ups if item[0] not in taken] or close_ups
        if close_ups:
            chosen[artefact] = max(close_ups, key=lambda item: item[1].score)
    return chosen
