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
from experiments.system.errors import RunError
from experiments.system.folders import result_folder


@dataclass(frozen=True, kw_only=True)
class Config:
    """Write a page of a sweep's results; report.html appears, in seconds.

    The page holds all that it needs and opens without a network: the rungs beside classical
    codecs, what every choice does with its interval, what quality costs, training curves, crops
    to compare, and how all was measured. Records that cannot be read are named in it.
    """

    records: Annotated[
        tyro.conf.Positional[tuple[Path, ...]], tyro.conf.arg(metavar="RECORDS...")
    ] = (PACKAGED,)
    """Files of records (JSON lines), or folders of them."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """Folder for the page, new or empty."""
    findings: Path | None = None
    """A folder for the same as a Markdown text, FINDINGS.md, with its figures below figures/;
    files of these names are replaced. Default: not written."""


def main(config: Config) -> Path:
    """Write the page and return its path."""
    with result_folder(config.out) as write:
        records, faults = gather(config.records)
        notes(faults)
        write("report.html", make_page(records, faults, folders(config.records)))
        if config.findings is not None:
            _write_findings(config, records, faults)
    path = config.out / "report.html"
    console.console().print(
        f"{console.counted(len(records), 'run')} shown in {path}", soft_wrap=True
    )
    return path


def _write_findings(config, records, faults):
    folder = config.findings
    texts = make_findings(records, faults, folders(config.records), folder)
    try:
        (folder / "figures").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"{folder}: could not be made: {error.strerror}") from error
    for name, text in texts.items():
        storage.write_text(folder / name, text)
    console.console().print(f"findings in {folder / NAME}", soft_wrap=True)


if __name__ == "__main__":
    run_command(main, Config, prog="python -m experiments.report")
