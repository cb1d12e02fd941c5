"""Published and reference figures: readers of the tables under data/baselines.

``data/baselines/README.md`` documents sources and columns.
"""

import csv
from dataclasses import dataclass, fields
from decimal import Decimal
from pathlib import Path

from experiments.system.errors import RunError

FOLDER = Path(__file__).parents[2] / "data" / "baselines"

Quality = int | tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class JpegRow:
    """JPEG's own value of one metric, a mean over a set's images.

    `measured` is the reference, `published` the value that `source` prints; `reproduced` is False
    where no known form of the metric gives that. Both are None if nothing is published.
    """

    set: str
    recipe: str
    quality: Quality
    metric: str
    measured: float
    published: Decimal | None
    source: str
    reproduced: bool | None


@dataclass(frozen=True, kw_only=True)
class RestorationRow:
    """A method's published PSNR, PSNR-B (dB) and SSIM, with the metrics' names, "" if absent."""

    set: str
    recipe: str
    quality: Quality
    method: str
    psnr: float
    ssim: float | None
    ssim_metric: str
    psnrb: float | None
    psnrb_metric: str
    blind: str
    parameters: float | None
    kmac_per_pixel: float | None
    source: str
    note: str


@dataclass(frozen=True, kw_only=True)
class CodecPoint:
    """A codec's mean bits per pixel, PSNR-RGB in dB and MS-SSIM over Kodak at one quality.

    `quality` is on the encoder's own scale, None where the source omits it.
    """

    codec: str
    quality: float | None
    bpp: float
    psnr_rgb: float
    ms_ssim: float
    source: str
    versions: str


@dataclass(frozen=True, kw_only=True)
class ImageRow:
    """An image of a test set, with the SHA-256 of its pixels as `StoredImage.sha256` is."""

    set: str
    name: str
    sha256: str


def jpeg_rows():
    """Read JPEG's own figures, a list of `JpegRow`; raise `RunError` as `read_rows` does."""
    return read_rows(FOLDER / "jpeg_rows.tsv", JpegRow)


def restoration_rows():
    """Read published artefact removal, a list of `RestorationRow`; errors as `jpeg_rows`."""
    return read_rows(FOLDER / "restoration.tsv", RestorationRow)


def codec_points():
    """Read codecs' points on Kodak, a list of `CodecPoint`; errors as `jpeg_rows`."""
    return read_rows(FOLDER / "kodak_codecs.tsv", CodecPoint)


def image_rows():
    """Read the images of the test sets, a list of `ImageRow`; errors as `jpeg_rows`."""
    return read_rows(FOLDER / "pictures.tsv", ImageRow)


def read_rows(path, row_type):
    """Read a tab-separated table with a header line into a list of dataclasses, in order.

    The fields of `row_type` are columns of the table, of a type in `_READERS`; other columns are
    ignored. Raises `RunError` if there is no such file, a column is missing, or a field is not of
    its type.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise RunError(
            f"{path}: does not exist; run the command from a checkout of fnnet"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise RunError(f"{path}: could not be read: {error}") from None
    table = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    missing = {field.name for field in fields(row_type)} - set(table.fieldnames or ())
    if missing:
        raise RunError(f"{path}: has no column {', '.join(sorted(missing))}")
    return [_row(path, number, line, row_type) for number, line in enumerate(table, 2)]


def _row(path, number, line, row_type):
    values = {}
    for field in fields(row_type):
        text = line[field.name]
        try:
            values[field.name] = _READERS[field.type](text)
        except (ValueError, ArithmeticError, TypeError, AttributeError, KeyError):
            raise RunError(f"{path}: line {number} has {field.name} {text!r}") from None
    return row_type(**values)


def _quality(text):
    if "," not in text:
        return int(text)
    first, second = text.split(",")
    return int(first), int(second)


_READERS = {
    str: str.strip,
    float: float,
    float | None: lambda text: float(text) if text else None,
    Decimal | None: lambda text: Decimal(text) if text else None,
    bool | None: {"yes": True, "no": False, "": None}.__getitem__,
    Quality: _quality,
}
