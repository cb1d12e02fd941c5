"""Read .fnn files back as images."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import tyro

from experiments.cli import outputs
from experiments.cli.commands import run_command
from experiments.fnn import FnnError
from experiments.images import SUFFIXES, write_png
from experiments.images.files import entries
from experiments.runs.run import open_run
from fnnet.core import require


@dataclass(frozen=True, kw_only=True)
class Config:
    """Decompress .fnn files; PNG images appear, a folder of 30 in some ten seconds.

    RUN is what they were compressed by. A file that is damaged, or another run's, is refused in one
    sentence; nothing that is there is overwritten.
    """

    run: tyro.conf.Positional[Path]
    """The run's folder, or the name of released weights."""
    inputs: Annotated[tyro.conf.Positional[tuple[Path, ...]], tyro.conf.arg(metavar="IN...")]
    """Files that compress wrote, or folders of them."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """A folder for the images; or, for one file, an image that ends in .png."""


def main(config: Config):
    """Write a PNG for every file and return the paths.

    A file that cannot be read is named and the others are done; an error at the end then counts
    the failures.
    """
    require(config.inputs, "no files are named; give .fnn files or folders behind the run")
    codec = open_run(config.run).codec()
    jobs = outputs.plan(config.inputs, config.out, outputs.PNG, find=_find, suffixes=SUFFIXES)
    outputs.make_all(jobs, config.out, partial(_decompress, codec))
    return list(jobs.values())


def _find(folder):
    found = [path for path in entries(folder) if path.suffix.lower() == outputs.FNN]
    if not found:
        raise FnnError(f"{folder}: holds no .fnn file")
    return found


def _decompress(codec, source, target):
    read = codec.read(source)
    write_png(target, read.pixels[..., 0] if read.is_grey else read.pixels)


if __name__ == "__main__":
    run_command(main, Config, prog="python -m experiments.decompress")
