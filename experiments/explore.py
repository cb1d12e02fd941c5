"""Show what is in a set of images: tables, and a folder of figures."""

import csv
import io
from dataclasses import asdict, dataclass
from pathlib import Path

from experiments.cli import console
from experiments.cli.commands import notes, run_command
from experiments.cli.progress import map_with_progress
from experiments.exploration import figures, findings, report
from experiments.exploration.findings import Exploration
from experiments.images import ImageError, open_set, split
from experiments.system import folders


@dataclass(frozen=True, kw_only=True)
class Config:
    """Show what is in a set of images, in about half a minute for 29 of 768x512.

    Tables of the images, of their JPEG versions (the set's own, whose qualities are found from
    the pixels; else made now at several qualities) and of opinion scores are printed. A folder
    appears with the same as TSV files, and with figures: contact sheet, histograms,
    rate-distortion curves, close-ups of artefacts, scores.
    """

    data: str | None = None
    """A folder of images, or the name of a set under the folder that FNNET_DATA names. Default:
    photographs that come with scikit-image."""
    out: Path | None = None
    """Folder for figures and TSV files; default: runs/ with time and set."""


def main(config: Config) -> Path:
    """Explore the set that `config` names and return the folder of figures."""
    image_set = open_set(config.data, skip_damaged=True)
    out = config.out or folders.new_folder(f"explore-{image_set.name}")
    notes(image_set.notices)
    with folders.result_folder(out) as write:
        found = explore(image_set)
        for name, content in _files(found):
            write(name, content)
    terminal = console.terminal()
    report.print_report(terminal, found)
    terminal.print(f"\nfigures and tables: {out}", soft_wrap=True)
    return out


def explore(image_set):
    """Measure all that is in a set, one image a thread at a time.

    Raises
    ------
    ImageError
        If no original can be read.
    """
    versions, faults = findings.versions_by_original(image_set)
    originals = image_set.originals
    chosen = (
        set()
        if image_set.versions
        else {p.name for p in findings.spread(originals, findings.CURVES)}
    )
    found = map_with_progress(
        lambda image: findings.explore_image(
            image_set,
            image,
            versions[image.name],
            findings.QUALITIES if image.name in chosen else (),
        ),
        originals,
        "measured",
        "images",
    )
    faults += [fault for one in found for fault in one.faults]
    if all(one.description is None for one in found):
        raise ImageError(faults[0])
    return Exploration(image_set, _sides(image_set), tuple(found), tuple(faults))


def _sides(image_set):
    """Split as training would; a set that cannot be split has no sides."""
    try:
        return split(image_set)
    except ImageError:
        return {}


def _files(found):
    """Yield each file's name and content, figures last."""
    sides = [{"side": found.sides.get(row.image, "")} for row in found.descriptions]
    rows = [asdict(row) | side for row, side in zip(found.descriptions, sides, strict=True)]
    yield "pictures.tsv", _tsv(rows)
    own = "versions.tsv" if found.image_set.versions else "jpeg.tsv"
    if found.measures:
        yield own, _tsv([asdict(measure) for measure in found.measures])
    if found.faults:
        yield "faults.tsv", _tsv([{"fault": fault} for fault in found.faults])
    yield from figures.draw(found)


# The files' names of columns, where they are not those of the fields.
_COLUMNS = {"image": "picture"}


def _tsv(rows):
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), delimiter="\t", lineterminator="\n")
    writer.writerow({name: _COLUMNS.get(name, name) for name in rows[0]})
    for row in rows:
        writer.writerow({name: _cell(value) for name, value in row.items()})
    return text.getvalue().encode()


def _cell(value):
    return f"{value:.6g}" if isinstance(value, float) else value


if __name__ == "__main__":
    run_command(main, Config, prog="python -m experiments.explore")
