"""Measure JPEG's published rows again, to check that metrics and recipes are the literature's."""

import sys
import time
from dataclasses import dataclass

from rich import box
from rich.table import Table
from rich.text import Text

from experiments.cli import console
from experiments.cli.commands import run_command
from experiments.cli.progress import Count
from experiments.evaluation import selfcheck
from experiments.evaluation.baselines import jpeg_rows
from experiments.images import ImageError

LEGEND = """\
grey: the luma, from 16 to 235, as a JPEG of one channel; a grey image as it is
colour: RGB with halved chroma (4:2:0)
double: the grey recipe twice, the second time on blocks shifted by 4 pixels; q=first,second
columns are functions of fnnet.metrics, values means over the images of a set
in brackets: published, but no known form of the metric reproduces it; not compared"""


@dataclass(frozen=True, kw_only=True)
class Config:
    """Measure JPEG's PSNR, SSIM and PSNR-B anew and compare, in about half a minute on 2 cores.

    On LIVE1 (grey, colour, compressed twice) and Classic5 if they are available, as --data or
    under FNNET_DATA, and always on photographs that come with scikit-image. Prints the measured
    values beside the expected and the published ones. Exit status 1 if a value differs by more
    than 0.01 dB or 0.0005. Nothing is written.
    """

    data: str | None = None
    """Folder of LIVE1 or Classic5, recognised by its pixels; or a set's name under FNNET_DATA."""


def main(config: Config):
    """Print all rows and the verdict; exit with status 1 if a value is wrong."""
    terminal = console.terminal()
    began = time.perf_counter()
    sets = gather(config.data, terminal)
    rows = [row for row in jpeg_rows() if row.set in sets]
    cells = selfcheck.measure(rows, sets, _counted)
    for title, group in groups(cells):
        terminal.print(table(title, group))
    terminal.print(LEGEND, soft_wrap=True)
    for line in verdict(cells, time.perf_counter() - began):
        terminal.print(line, soft_wrap=True)
    if any(cell.faults for cell in cells):
        sys.exit(1)
    return cells


def gather(data, terminal):
    """Open the available sets, a dict by name, and print which are not available.

    Raises `ImageError` if `data` is neither LIVE1 nor Classic5.
    """
    sets = selfcheck.embedded_sets()
    if data is not None:
        sets |= [selfcheck.known_set(data)]
    for name, title in selfcheck.TITLES.items():
        if name in sets:
            continue
        try:
            sets |= [selfcheck.known_set(name)]
        except ImageError as error:
            terminal.print(f"{title} is not available and is left out: {error}", soft_wrap=True)
    return sets


def _counted(results, total):
    with Count("measured", total, "JPEG versions") as count:
        for result in results:
            yield result
            count.advance()


def groups(cells):
    """Group cells into tables: pairs of a title and the cells of one set and recipe."""
    tables = {}
    for cell in cells:
        name = selfcheck.TITLES.get(cell.row.set, "scikit-image's photographs, q=10")
        tables.setdefault(f"{name}, {cell.row.recipe}", []).append(cell)
    return tables.items()


def table(title, cells):
    """Build a table of 80 columns: measured values, and below them expected and published ones."""
    names = list(dict.fromkeys(cell.row.metric for cell in cells))
    style = {"box": box.HORIZONTALS, "collapse_padding": True, "pad_edge": False}
    layout = Table(title=title, title_justify="left", **style)
    layout.add_column("measured", no_wrap=True)
    for name in names:
        # In a narrow terminal digits fold; none is cut off.
        layout.add_column(name.replace("_", "\n", 1), justify="right", overflow="fold")
    lines = {}
    for cell in cells:
        row = cell.row
        label = selfcheck.quality_label(row.quality) if row.set in selfcheck.TITLES else row.set
        lines.setdefault(label, {})[row.metric] = cell
    for label, line in lines.items():
        layout.add_section()
        layout.add_row(label, *(_measured(line[name]) for name in names))
        layout.add_row("  expected", *(f"{line[name].row.measured:.4f}" for name in names))
        published = [_published(line[name].row) for name in names]
        if any(published):
            layout.add_row("  published", *published)
    return layout


def _measured(cell):
    # Marked in characters too: colours are lost in a file.
    return Text(f"≠{cell.measured:.4f}", "bold red") if cell.faults else f"{cell.measured:.4f}"


def _published(row):
    if row.published is None:
        return ""
    return str(row.published) if row.reproduced else f"({row.published})"


def verdict(cells, seconds):
    """Yield lines that say whether all values are as expected, or which are not."""
    limits = f"{selfcheck.DECIBELS} dB and {selfcheck.SIMILARITY}"
    wrong = [cell for cell in cells if cell.faults]
    if not wrong:
        sets = dict.fromkeys(selfcheck.TITLES.get(cell.row.set, cell.row.set) for cell in cells)
        compared = sum(bool(cell.row.reproduced) for cell in cells)
        also = f", {compared} of them also as published" if compared else ""
        yield (
            f"all {len(cells)} values on {', '.join(sets)} are as expected{also}, "
            f"within {limits}; {seconds:.0f} s"
        )
        return
    yield f"{len(wrong)} of {len(cells)} values differ by more than {limits}:"
    for cell in wrong:
        yield f"  {cell.sentence()}"


if __name__ == "__main__":
    run_command(main, Config, prog="python -m experiments.selftest")
