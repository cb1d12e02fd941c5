"""Read .fnn files back as images."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import tyro

from experiments.cli import outputs
from experiments.cli.commands import run_command
from experiments.fnn import FnnError
from experiments.images import SUFFIXES, entries, write_png
from experiments.runs.run import open_run
from fnnet.core import require


@dataclass(frozen=True, kw_only=True)
class Config:
    """Decompress .fnn files; PNG images appear, in about ten seconds for a folder of 30.

    RUN is the run, or the released weights, by which they were compressed. A file that is damaged,
    or another run's, is rejected in one sentence; existing files are not overwritten.
    """

    run: tyro.conf.Positional[Path]
    """The run's folder, or the name of released weights."""
    inputs: Annotated[tyro.conf.Positional[tuple[Path, ...]], tyro.conf.arg(metavar="IN...")]
    """Files that compress wrote, or folders of them."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """A folder for the images; or, for one file, the name of an image, ending in .png."""


def main(config: Config):
    """Write a PNG for every file, and return the paths."""
    require(config.inputs, "no files are named; add .fnn files or folders after the run")
    codec = open_run(config.run).codec()
    write = partial(_decompress, codec)
    written = outputs.write_all(
        config.inputs, config.out, outputs.PNG, write, find=_find, suffixes=SUFFIXES
    )
    return list(written)


def _find(folder):
    files = [path for path in entries(folder) if path.suffix.lower() == outputs.FNN]
    if not files:
        raise FnnError(f"{folder}: holds no .fnn file")
    return files


def _decompress(codec, source, target):
    image = codec.read(source)
    write_png(target, image.pixels[..., 0] if image.is_grey else image.pixels)


if __name__ == "__main__":
    run_command(main, Config, prog="python -m experiments.decompress")
