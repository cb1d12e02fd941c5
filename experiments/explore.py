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

    Prints tables of the images, of their JPEG versions (the set's own, whose qualities are found
    from the pixels; else compressed now at several qualities) and of opinion scores. Writes a
    folder with the same as TSV files, and with figures: contact sheet, histograms,
    rate-distortion curves, close-ups of artefacts, scores.
    """

    data: str | None = None
    """A folder of images, or the name of a set under the folder that FNNET_DATA names. Default:
    photographs that come with scikit-image."""
    out: Path | None = None
    """Folder for figures and TSV files; default: runs/ with time and set."""


def main(config: Config) -> Path:
    """Explore the set of `config` and return the folder of figures."""
    image_set = open_set(config.data, skip_damaged=True)
    out = config.out or folders.new_folder(f"explore-{image_set.name}")
    notes(image_set.notices)
    with folders.result_folder(out) as write:
        exploration = explore(image_set)
        for name, content in _files(exploration):
            write(name, content)
    terminal = console.terminal()
    report.print_report(terminal, exploration)
    terminal.print(f"\nfigures and tables: {out}", soft_wrap=True)
    return out


def explore(image_set):
    """Measure the originals and versions of a set, one image per thread at a time.

    Raises `ImageError` if no original can be read.
    """
    versions, faults = findings.versions_by_original(image_set)
    compressed = set()  # names of the originals that JPEG versions are made of
    if not image_set.versions:
        compressed = {image.name for image in findings.spread(image_set.originals, findings.CURVES)}

    def measure(image):
        qualities = findings.QUALITIES if image.name in compressed else ()
        return findings.explore_image(image_set, image, versions[image.name], qualities)

    results = map_with_progress(measure, image_set.originals, "measured", "images")
    faults += [fault for result in results for fault in result.faults]
    if all(result.description is None for result in results):
        raise ImageError(faults[0])
    return Exploration(image_set, _splits(image_set), tuple(results), tuple(faults))


def _splits(image_set):
    """Split as training would; return no splits for a set that cannot be split."""
    try:
        return split(image_set)
    except ImageError:
        return {}


def _files(exploration):
    """Yield each file's name and content, figures last."""
    rows = [
        asdict(row) | {"side": exploration.splits.get(row.image, "")}
        for row in exploration.descriptions
    ]
    yield "pictures.tsv", _tsv(rows)
    if exploration.measures:
        name = "versions.tsv" if exploration.image_set.versions else "jpeg.tsv"
        yield name, _tsv([asdict(measure) for measure in exploration.measures])
    if exploration.faults:
        yield "faults.tsv", _tsv([{"fault": fault} for fault in exploration.faults])
    yield from figures.draw(exploration)


# Column names on disk that differ from the fields' names.
_COLUMNS = {"image": "picture"}


def _tsv(rows):
    text = io.StringIO()
    writer = csv.writer(text, delimiter="\t", lineterminator="\n")
    writer.writerow([_COLUMNS.get(name, name) for name in rows[0]])
    for row in rows:
        writer.writerow([f"{v:.6g}" if isinstance(v, float) else v for v in row.values()])
    return text.getvalue().encode()


if __name__ == "__main__":
    run_command(main, Config, prog="python -m experiments.explore")
