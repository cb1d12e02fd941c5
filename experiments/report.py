"""Write the report of a sweep: one page that shows what shapes an image autoencoder."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from experiments.cli import console
from experiments.cli.commands import notes, run_command
from experiments.reporting.findings import NAME, make_findings
from experiments.reporting.page import make_page
from experiments.reporting.sources import PACKAGED, folders, gather
from experiments.system import storage
from experiments.system.errors import as_run_error
from experiments.system.folders import result_folder


@dataclass(frozen=True, kw_only=True)
class Config:
    """Write a page of a sweep's results; report.html appears, in seconds.

    The page is self-contained and opens without a network: the ladder's rungs beside classical
    codecs, the effect of every choice with its interval, the cost of quality, training curves,
    crops to compare, and the method of measurement. It names records that cannot be read.
    """

    records: Annotated[
        tyro.conf.Positional[tuple[Path, ...]], tyro.conf.arg(metavar="RECORDS...")
    ] = (PACKAGED,)
    """Files of records (JSON lines), or folders of them."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """Folder for the page, new or empty."""
    findings: Path | None = None
    """A folder for the same results as Markdown, FINDINGS.md, with its figures below figures/;
    files of these names are replaced. Default: not written."""


def main(config: Config) -> Path:
    """Write the page, and return its path."""
    with result_folder(config.out) as write:
        records, faults = gather(config.records)
        notes(faults)
        write("report.html", make_page(records, faults, folders(config.records)))
        if config.findings is not None:
            _write_findings(config, records, faults)
    path = config.out / "report.html"
    console.print_line(f"{console.counted(len(records), 'run')} shown in {path}")
    return path


def _write_findings(config, records, faults):
    folder = config.findings
    texts = make_findings(records, faults, folders(config.records), folder)
    with as_run_error(folder, "made"):
        (folder / "figures").mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        storage.write_text(folder / name, text)
    console.print_line(f"findings in {folder / NAME}")


if __name__ == "__main__":
    run_command(main, Config, prog="python -m experiments.report")
