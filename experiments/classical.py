"""Measure classical codecs on a set of images, for comparison with a learned codec."""

import json
import math
import platform
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from experiments.cli import console
from experiments.cli.commands import Interrupted, note, notes, run_command
from experiments.cli.progress import Count
from experiments.codecs import report
from experiments.codecs.cache import MeasurementCache
from experiments.codecs.curves import MEASURES, curves, mean_points, savings
from experiments.codecs.encoders import CODECS
from experiments.codecs.figure import rate_distortion
from experiments.codecs.measurement import (
    MS_SSIM_LEAST,
    SSIM_LEAST,
    Encoding,
    metrics_version,
)
from experiments.codecs.times import time_all
from experiments.images import open_set
from experiments.system import folders
from experiments.system.errors import RunError
from experiments.system.hardware import cores

_FIGURES = {
    "psnr": ("psnr.png", "PSNR", "PSNR (dB)"),
    "ms_ssim": ("ms_ssim.png", "MS-SSIM", "MS-SSIM (dB, -10 log10(1 - MS-SSIM))"),
}


@dataclass(frozen=True, kw_only=True)
class Config:
    """Measure JPEG, JPEG 2000, WebP, AVIF and JPEG XL on a set of images.

    For the 24 images of Kodak about 2 minutes on 2 cores; seconds when repeated, since measured
    points are cached. Tables of points and of BD-rates against JPEG are printed. A folder appears
    with points.tsv (means over the set), pictures.tsv (one row per image and point), bd_rates.tsv,
    psnr.png and ms_ssim.png (the curves), one JSON file per codec in the form that CompressAI's
    plotting commands read, and versions.json.
    """

    data: str | None = None
    """A folder of images, or the name of a set under the folder that FNNET_DATA names. Default:
    photographs that come with scikit-image."""
    out: Path | None = None
    """Folder for the results, new or empty. Default: runs/ with time."""
    cache: Path | None = None
    """Folder of the cached points. Default: ~/.cache/fnnet/classical."""
    times: bool = False
    """Also time encoding and decoding, one image at a time after all else (times.tsv)."""


def main(config: Config) -> Path:
    """Measure, print and write all that `config` requests; return the folder."""
    images = open_set(config.data)
    notes(images.notices)
    codecs = _present_codecs()
    encodings = [
        Encoding(image, codec.name, quality)
        for codec in codecs
        for quality in codec.qualities
        for image in images.originals
    ]
    out = config.out or folders.new_folder("classical")
    try:
        with folders.result_folder(out) as write:
            measurements = _measured(encodings, MeasurementCache(config.cache))
            times = _timed(encodings) if config.times else None
            points = mean_points(measurements)
            write("pictures.tsv", report.pictures_tsv(measurements))
            _write(write, points, times, images, codecs)
    except KeyboardInterrupt:
        raise Interrupted("stopped; the same command goes on where it was") from None
    _print(points, times, images)
    console.print_line(f"written to {out}")
    return out


def _present_codecs():
    """Return the installed codecs, and print which are missing."""
    for codec in CODECS.values():
        if codec.versions() is None:
            note(f"{codec.name} is left out; it needs {codec.remedy}")
    present = [codec for codec in CODECS.values() if codec.versions() is not None]
    if not present:
        raise RunError("no codec is installed; Pillow's wheels bring them")
    return present


def _measured(encodings, cache):
    """Return all measurements, from the cache or by measuring."""
    cached = {encoding: cache.get(encoding) for encoding in encodings}
    missing = list(cached.values()).count(None)
    known = len(encodings) - missing
    console.print_line(f"{len(encodings)} points, {known} of them known from {cache.folder}")
    with Count("measured", missing, "points") as progress:
        measurements = cache.complete(cached, progress.advance)
    _note_small(encodings)
    return measurements


def _note_small(encodings):
    images = {encoding.image for encoding in encodings}
    for name, least in (("SSIM", SSIM_LEAST), ("MS-SSIM", MS_SSIM_LEAST)):
        small = sum(min(image.shape[:2]) < least for image in images)
        if small:
            note(
                f"{name} needs {least}x{least} pixels; {small} of {len(images)} images are "
                "smaller, so there is no mean of it"
            )


def _timed(encodings):
    with Count("timed", len(encodings), "points") as progress:
        return time_all(encodings, progress.advance)


def _print(points, times, images):
    terminal = console.terminal()
    terminal.print(report.points_table(points, images.name))
    saved = savings(points)
    terminal.print(report.bd_rate_table(saved))
    for line in report.missing_rates(saved):
        console.print_line(line)
    if times:
        terminal.print(report.times_table(times))


def _write(write, points, times, images, codecs):
    write("points.tsv", report.points_tsv(points))
    write("bd_rates.tsv", report.bd_rates_tsv(savings(points)))
    for codec in codecs:
        write(f"{codec.name}.json", report.curve_json(points, codec.name, images.name))
    for measure in MEASURES:
        _draw(write, points, measure, images)
    if times:
        write("times.tsv", report.times_tsv(times))
    write("versions.json", json.dumps(_versions(images, codecs), indent=2) + "\n")


def _draw(write, points, measure, images):
    drawn = curves(points, measure)
    if not any(drawn.values()):
        return
    file, title, label = _FIGURES[measure]
    _note_infinite(file, title, drawn)
    count = console.counted(len(images.originals), "image")
    title = f"{title} over rate, mean of {count} ({images.name})"
    write(file, rate_distortion(drawn, title=title, quality_label=label))


def _note_infinite(file, title, curves):
    """Print which curves lack points since decoded pixels equal the original's."""
    counts = {
        name: sum(not math.isfinite(decibels) for _, decibels in points)
        for name, points in curves.items()
    }
    lacking = [
        f"{count} of {len(curves[name])} of {name}" for name, count in counts.items() if count
    ]
    if lacking:
        note(f"{file} leaves out points whose mean {title} is infinite: {', '.join(lacking)}")


def _versions(images, codecs):
    """Return all that the figures depend on, by name."""
    packages = ("fnnet", "numpy", "scipy", "pillow")
    return {
        "codecs": {codec.name: codec.versions() for codec in codecs},
        "left_out": [name for name, codec in CODECS.items() if codec not in codecs],
        "metrics": metrics_version(),
        "python": platform.python_version(),
        **{package: version(package) for package in packages},
        "machine": platform.machine(),
        "system": platform.system(),
        "cores": cores(),
        "data": images.name,
        "pictures": {image.name: image.sha256 for image in images.originals},
    }


if __name__ == "__main__":
    run_command(main, Config, prog="python -m experiments.classical")
