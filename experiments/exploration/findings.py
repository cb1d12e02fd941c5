"""What is measured of a set: its originals, its versions, and JPEG where it brings none."""

import contextlib
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from experiments.evaluation.scores import compare
from experiments.exploration import descriptors
from experiments.exploration.artefacts import Place, find_places
from experiments.images import (
    ImageError,
    is_jpeg,
    made_version,
    quality_of_file,
    quality_of_pixels,
)
from fnnet.metrics import bits_per_pixel

QUALITIES = (5, 10, 20, 30, 40, 50, 70, 90, 95)
ARTEFACT_QUALITY = 10  # where the places for close-ups are looked for
# Photographs that were never compressed stay below 1.04 (LIVE1, Kodak and others, 116 in all);
# those of Set14 that were, at any offset, are at 1.09 and above.
GRID_SHOWS = 1.05
# How far a stated rate may be from the file's: a share of it, and bits per pixel.
RATE_SHARE, RATE_LEAST = 0.02, 0.01
CURVES = 100  # images of a larger set that JPEG versions are made of, or have a curve
LARGE = 2**22  # pixels: images from here on are measured one at a time, to spare memory
_large = threading.Lock()


@dataclass(frozen=True)
class Description:
    """An original in numbers; those that `descriptors` gives no number for are None.

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
    """A version beside its original: dB, SSIM (None below 11x11 pixels), bits per pixel.

    `quality_from` says how the quality is known: "made" here; "pixels", which Pillow's JPEG at
    that quality gives exactly; "tables" of a JPEG file, whose pixels are of another form;
    "lossless", where the pixels are the original's; "unknown". `rate_from` likewise: "file", the
    set's "index", or the "pixels" whose file was made anew. `file_bits_per_pixel` is the rate of
    the version's own JPEG file, or of the one that Pillow makes with the same pixels, where there
    is one: what a stated rate should be.
    """

    image: str
    quality: int | None
    quality_from: str
    bits_per_pixel: float | None
    rate_from: str | None
    psnr: float
    ssim: float | None
    blockiness: float | None
    path: Path | None = None
    stated_quality: int | None = None
    stated_bits_per_pixel: float | None = None
    stated_lossless: bool | None = None
    file_bits_per_pixel: float | None = None
    score: float | None = None

    @property
    def is_lossless(self):
        """Whether this is a copy of the original, pixel for pixel."""
        return self.quality_from == "lossless"

    @property
    def has_wrong_rate(self):
        """Whether the index states another rate than the file's: not its rounding, nor headers."""
        stated, known = self.stated_bits_per_pixel, self.file_bits_per_pixel
        if self.is_lossless or stated is None or known is None:
            return False
        return not abs(stated - known) <= RATE_SHARE * known + RATE_LEAST  # NaN is wrong


@dataclass(frozen=True, eq=False)
class Findings:
    """What one original and its versions gave; no `description` if it could not be read."""

    description: Description | None = None
    measures: tuple[Measure, ...] = ()
    faults: tuple[str, ...] = ()
    histogram: np.ndarray | None = None
    places: dict[str, Place] = field(default_factory=dict)


def versions_by_original(image_set):
    """Sort a set's versions by their original's name; faults name those that have none."""
    names = {image.name for image in image_set.originals}
    versions, faults = defaultdict(list), []
    for version in image_set.versions:
        if version.original in names:
            versions[version.original].append(version)
        else:
            faults.append(f"{version.path}: no original in the set")
    return versions, faults


def explore_image(image_set, image, versions, qualities):
    """Measure an original and its versions; what cannot be read becomes a fault.

    Parameters
    ----------
    image_set : ImageSet
    image : StoredImage
        One of its originals.
    versions : sequence of Version
        Those of this original.
    qualities : sequence of int
        Of JPEG versions that are made besides.

    Returns
    -------
    Findings
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
        return Findings(
            describe(image, pixels, luma),
            tuple(measures),
            tuple(faults),
            descriptors.histogram(pixels, luma),
            find_places(pixels, made_version(pixels, ARTEFACT_QUALITY, is_grey=image.is_grey)[0]),
        )


def describe(image, pixels, luma):
    """Describe an original, of `pixels` (H, W, 3) and `luma` (H, W), in numbers."""
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
    """Measure a version that the set brings beside the original's pixels; find its quality."""
    pixels = image_set.read_version(version).pixels
    quality, quality_from, made_bytes = _find_quality(original, pixels, version)
    own_bytes = version.path.stat().st_size if is_jpeg(version.path) else None
    own, made = (
        size and bits_per_pixel(size, *pixels.shape[:2]) for size in (own_bytes, made_bytes)
    )
    rates = {"file": own, "index": version.bits_per_pixel, "pixels": made}
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
        file_bits_per_pixel=own or made,
        score=version.score,
    )


def _find_quality(original, pixels, version):
    """Give a version's quality, where that is known from, and the bytes of the file made anew."""
    in_file = quality_of_file(version.path)
    if np.array_equal(original, pixels):
        return None, "lossless", None
    found = quality_of_pixels(original, pixels, expected=version.quality or in_file)
    if found:
        return found[0], "pixels", found[1]
    return in_file, "tables" if in_file else "unknown", None


def _figures(original, pixels):
    return (*compare(original, pixels), descriptors.blockiness(descriptors.luma(pixels)))


@dataclass(frozen=True, eq=False)
class Exploration:
    """All findings of a set, in the order of its originals."""

    image_set: object
    sides: dict[str, str]
    findings: tuple[Findings, ...]
    faults: tuple[str, ...]

    @property
    def descriptions(self):
        """Those of the originals that could be read."""
        return [found.description for found in self.findings if found.description]

    @property
    def measures(self):
        """Those of all versions, the set's own and those that were made."""
        return [measure for found in self.findings for measure in found.measures]

    @property
    def compressed(self):
        """Those of all versions but lossless copies."""
        return [measure for measure in self.measures if not measure.is_lossless]

    def find(self, name):
        """Give the original of that name."""
        return next(p for p in self.image_set.originals if p.name == name)


def spread(items, most):
    """Take at most so many, evenly from beginning to end."""
    count = min(len(items), most)
    return [items[index * len(items) // count] for index in range(count)]


def most_visible(findings):
    """Choose the place that shows each artefact best, in an image of its own where possible.

    Returns
    -------
    dict of str to (str, Place)
        By artefact, the image's name and the place in it.
    """
    chosen = {}
    for artefact in ("blocking", "ringing", "colour bleeding"):
        places = [
            (found.description.image, found.places[artefact])
            for found in findings
            if artefact in found.places
        ]
        taken = {name for name, _ in chosen.values()}
        fresh = [place for place in places if place[0] not in taken] or places
        if fresh:
            chosen[artefact] = max(fresh, key=lambda place: place[1].score)
    return chosen
