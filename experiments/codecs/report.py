"""What is told of codecs: tables for the terminal, tab-separated and JSON files."""

import csv
import io
import json
from itertools import groupby
from operator import attrgetter

from rich.table import Table

from experiments.cli.console import counted
from experiments.codecs.curves import MEASURES
from experiments.codecs.encoders import ANCHOR, ANCHOR_QUALITIES, CODECS

_MEASURE_LABELS = {"psnr": "PSNR", "ms_ssim": "MS-SSIM"}


def pictures_tsv(points):
    """Write one row an image and point, as text."""
    header = ("picture", "codec", "quality", "width", "height", "bytes")
    rows = [
        (
            point.image.name,
            point.codec,
            f"{point.quality:g}",
            point.image.shape[1],
            point.image.shape[0],
            point.figures.file_bytes,
            *_six(point.bits_per_pixel, point.figures.psnr),
            *_six(point.figures.ssim, point.figures.ms_ssim),
        )
        for point in points
    ]
    return _tsv((*header, "bpp", "psnr_rgb", "ssim", "ms_ssim"), rows)


def points_tsv(means):
    """Write one row a codec and quality, means over the images, as text."""
    rows = [
        (
            mean.codec,
            f"{mean.quality:g}",
            mean.images,
            *_six(mean.bits_per_pixel, mean.psnr, mean.ssim, mean.ms_ssim),
        )
        for mean in means
    ]
    return _tsv(("codec", "quality", "pictures", "bpp", "psnr_rgb", "ssim", "ms_ssim"), rows)


def bd_rates_tsv(savings):
    """Write one row a codec and measure, as text; `reason` says why a figure is blank."""
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
    """Write one row a codec and quality, megapixels a second, as text."""
    ways = ("encode", "decode")
    header = [
        f"{way}_{place}" for way in ways for place in ("low_quartile", "median", "high_quartile")
    ]
    rows = [
        (row.codec, f"{row.quality:g}", *_six(*_places(row.encode), *_places(row.decode)))
        for row in times
    ]
    return _tsv(("codec", "quality", *header), rows)


def curve_json(means, codec, set_name):
    """Write a codec's curve in the form that CompressAI's plotting commands read, as text."""
    points = sorted(
        (mean for mean in means if mean.codec == codec), key=lambda mean: mean.bits_per_pixel
    )
    columns = {
        "quality": [mean.quality for mean in points],
        "bpp": [mean.bits_per_pixel for mean in points],
        "psnr-rgb": [mean.psnr for mean in points],
        "ssim-rgb": [mean.ssim for mean in points],
        "ms-ssim-rgb": [mean.ms_ssim for mean in points],
    }
    value = {
        "name": codec,
        "description": f"{CODECS[codec].description}; {_versions(codec)}; mean of "
        f"{counted(points[0].images, 'image')} ({set_name})",
        "results": {name: values for name, values in columns.items() if None not in values},
    }
    return json.dumps(value, indent=2) + "\n"


def points_table(means, set_name):
    """Lay out the points, a section a codec."""
    table = Table(
        title=f"{set_name}: means of {counted(means[0].images, 'image')}",
        title_justify="left",
        caption="quality: jpeg2000's is the ratio of compression, jpegxl's the distance",
        caption_justify="left",
    )
    # In two lines, so that it fits a terminal of 80 columns.
    of_pixels = ("bits per\npixel", "PSNR\ndB", "SSIM", "MS-\nSSIM", "MS-SSIM\ndB")
    names = ("codec", "quality", *of_pixels)
    return _fill(table, names, means, _point_cells)


def bd_rate_table(savings):
    """Lay out what each codec saves, best first; the anchor and its points are in the title."""
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
    """Say why BD-rates are missing, a line a measure and reason."""
    reasons = {}
    for saving in savings:
        if saving.reason:
            key = (_MEASURE_LABELS[saving.measure], saving.reason)
            reasons.setdefault(key, []).append(saving.codec)
    for (label, reason), names in reasons.items():
        yield f"no BD-rate by {label} of {', '.join(names)}: {reason}"


def times_table(times):
    """Lay out how fast codecs are."""
    title = "megapixels a second in one thread: median over the images (quartiles)"
    table = Table(title=title, title_justify="left")
    return _fill(table, ("codec", "quality", "encode", "", "decode", ""), times, _time_cells)


def _fill(table, names, rows, cells):
    """Add rows, a section a codec."""
    for index, name in enumerate(names):
        table.add_column(name, justify="right" if index else "left", no_wrap=True)
    for codec, group in groupby(rows, attrgetter("codec")):
        for index, row in enumerate(group):
            table.add_row("" if index else codec, f"{row.quality:g}", *cells(row))
        table.add_section()
    return table


def _point_cells(mean):
    return (
        f"{mean.bits_per_pixel:.4f}",
        f"{mean.psnr:.2f}",
        _number(mean.ssim, ".4f"),
        _number(mean.ms_ssim, ".4f"),
        _number(mean.decibels("ms_ssim"), ".2f"),
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


def _versions(codec):
    return ", ".join(f"{name} {number}" for name, number in CODECS[codec].versions().items())


def _places(speed):
    return speed.low, speed.median, speed.high


def _listed(qualities):
    return " ".join(f"{quality:g}" for quality in qualities)


def _number(value, form):
    return "–" if value is None else format(value, form)


def _six(*values):
    return ["" if value is None else f"{value:.6f}" for value in values]


def _tsv(header, rows):
    # An image's name can hold a tab or a quote: the module quotes what needs it.
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter="\t", lineterminator="\n")
    writer.writerows([header, *rows])
    return buffer.getvalue()
