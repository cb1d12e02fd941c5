"""Tables of codecs for the terminal; tab-separated and JSON files."""

import csv
import io
import json
from dataclasses import astuple
from itertools import groupby
from operator import attrgetter

from rich.table import Table

from experiments.cli.console import counted, number
from experiments.codecs.curves import MEASURES
from experiments.codecs.encoders import ANCHOR, ANCHOR_QUALITIES, CODECS

_MEASURE_LABELS = {"psnr": "PSNR", "ms_ssim": "MS-SSIM"}


def pictures_tsv(measurements):
    """Write one row per image and point, as text."""
    header = ("picture", "codec", "quality", "width", "height", "bytes")
    rows = [
        (
            encoding.image.name,
            encoding.codec,
            f"{encoding.quality:g}",
            encoding.image.shape[1],
            encoding.image.shape[0],
            measurement.file_bytes,
            *_six(encoding.bits_per_pixel(measurement.file_bytes), measurement.psnr),
            *_six(measurement.ssim, measurement.ms_ssim),
        )
        for encoding, measurement in measurements.items()
    ]
    return _tsv((*header, "bpp", "psnr_rgb", "ssim", "ms_ssim"), rows)


def points_tsv(points):
    """Write one row per codec and quality, means over the images, as text."""
    rows = [
        (
            point.codec,
            f"{point.quality:g}",
            point.images,
            *_six(point.bits_per_pixel, point.psnr, point.ssim, point.ms_ssim),
        )
        for point in points
    ]
    return _tsv(("codec", "quality", "pictures", "bpp", "psnr_rgb", "ssim", "ms_ssim"), rows)


def bd_rates_tsv(savings):
    """Write one row per codec and measure, as text; `reason` explains a blank figure."""
    header = ("codec", "measure", "bd_rate_percent", "low_db", "high_db", "qualities")
    rows = [
        (
            saving.codec,
            saving.measure,
            *(_six(*saving.rate) if saving.rate else ("", "", "")),
            _listed(saving.qualities),
            ANCHOR,
            _listed(ANCHOR_QUALITIES),
            saving.reason or "",
        )
        for saving in savings
    ]
    return _tsv((*header, "anchor", "anchor_qualities", "reason"), rows)


def times_tsv(times):
    """Write one row per codec and quality, megapixels per second, as text."""
    ways = ("encode", "decode")
    header = [
        f"{way}_{name}" for way in ways for name in ("low_quartile", "median", "high_quartile")
    ]
    rows = [
        (row.codec, f"{row.quality:g}", *_six(*astuple(row.encode), *astuple(row.decode)))
        for row in times
    ]
    return _tsv(("codec", "quality", *header), rows)


def curve_json(points, codec, set_name):
    """Write a codec's curve in the form that CompressAI's plotting commands read, as text."""
    points = sorted(
        (point for point in points if point.codec == codec), key=lambda point: point.bits_per_pixel
    )
    columns = {
        "quality": [point.quality for point in points],
        "bpp": [point.bits_per_pixel for point in points],
        "psnr-rgb": [point.psnr for point in points],
        "ssim-rgb": [point.ssim for point in points],
        "ms-ssim-rgb": [point.ms_ssim for point in points],
    }
    versions = ", ".join(f"{name} {number}" for name, number in CODECS[codec].versions().items())
    value = {
        "name": codec,
        "description": f"{CODECS[codec].description}; {versions}; mean of "
        f"{counted(points[0].images, 'image')} ({set_name})",
        "results": {name: values for name, values in columns.items() if None not in values},
    }
    return json.dumps(value, indent=2) + "\n"


def points_table(points, set_name):
    """Lay out rate-distortion points, a section per codec."""
    table = Table(
        title=f"{set_name}: means of {counted(points[0].images, 'image')}",
        title_justify="left",
        caption="quality: jpeg2000's is the ratio of compression, jpegxl's the distance",
        caption_justify="left",
    )
    # In two lines, so that it fits a terminal of 80 columns.
    of_pixels = ("bits per\npixel", "PSNR\ndB", "SSIM", "MS-\nSSIM", "MS-SSIM\ndB")
    return _fill(table, ("codec", "quality", *of_pixels), points, _point_cells)


def bd_rate_table(savings):
    """Lay out BD-rates, best codec first; the title names the anchor and its qualities."""
    title = (
        f"BD-rate against {ANCHOR} at {_listed(ANCHOR_QUALITIES)}: bits at equal quality, "
        "over the dB that both curves have"
    )
    table = Table(title=title, title_justify="left")
    table.add_column("codec", no_wrap=True)
    for label in _MEASURE_LABELS.values():
        table.add_column(f"by {label}", justify="right", no_wrap=True)
        table.add_column("over dB", justify="right", no_wrap=True)
    by_codec = {}
    for saving in savings:
        by_codec.setdefault(saving.codec, {})[saving.measure] = saving.rate
    for codec, rates in sorted(by_codec.items(), key=_by_saving):
        table.add_row(codec, *(cell for name in MEASURES for cell in _rate_cells(rates[name])))
    return table


def missing_rates(savings):
    """Yield why BD-rates are missing, one line per measure and reason."""
    reasons = {}
    for saving in savings:
        if saving.reason:
            key = (_MEASURE_LABELS[saving.measure], saving.reason)
            reasons.setdefault(key, []).append(saving.codec)
    for (label, reason), names in reasons.items():
        yield f"no BD-rate by {label} of {', '.join(names)}: {reason}"


def times_table(times):
    """Lay out the speed of codecs."""
    title = "megapixels per second in one thread: median over the images (quartiles)"
    table = Table(title=title, title_justify="left")
    return _fill(table, ("codec", "quality", "encode", "", "decode", ""), times, _time_cells)


def _fill(table, names, rows, cells):
    """Add columns and rows to a table, a section per codec."""
    for index, name in enumerate(names):
        table.add_column(name, justify="right" if index else "left", no_wrap=True)
    for codec, group in groupby(rows, attrgetter("codec")):
        for index, row in enumerate(group):
            table.add_row("" if index else codec, f"{row.quality:g}", *cells(row))
        table.add_section()
    return table


def _point_cells(point):
    return (
        f"{point.bits_per_pixel:.4f}",
        f"{point.psnr:.2f}",
        number(point.ssim, ".4f"),
        number(point.ms_ssim, ".4f"),
        number(point.decibels("ms_ssim"), ".2f"),
    )


def _time_cells(row):
    for speed in (row.encode, row.decode):
        yield f"{speed.median:.3g}"
        yield f"({speed.low:.3g} to {speed.high:.3g})"


def _by_saving(item):
    rate = item[1]["psnr"]
    return (rate is None, rate and rate.percent)


def _rate_cells(rate):
    if rate is None:
        return "–", "–"
    return f"{rate.percent:+.2f} %", f"{rate.low:.2f} to {rate.high:.2f}"


def _listed(qualities):
    return " ".join(f"{quality:g}" for quality in qualities)


def _six(*values):
    return ["" if value is None else f"{value:.6f}" for value in values]


def _tsv(header, rows):
    # An image's name can hold a tab or a quote: the module quotes what needs it.
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter="\t", lineterminator="\n")
    writer.writerows([header, *rows])
    return buffer.getvalue()
