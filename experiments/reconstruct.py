"""Apply a trained network to your own images."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import tyro

from experiments.cli import outputs
from experiments.cli.commands import note, run_command
from experiments.images import SUFFIXES, find_images, read_image, write_png
from experiments.runs.run import open_run
from fnnet.core import require


@dataclass(frozen=True, kw_only=True)
class Config:
    """Apply a trained network to images; PNG files appear, in about a second per megapixel.

    A run of the task restore repairs JPEG images; autoencode sends images through the bottleneck
    and back; emulate imitates JPEG. Images of any size; existing files are not overwritten.
    """

    run: tyro.conf.Positional[Path]
    """The run's folder, or the name of released weights."""
    inputs: Annotated[tyro.conf.Positional[tuple[Path, ...]], tyro.conf.arg(metavar="IN...")]
    """Images (PNG, JPEG, BMP, TIFF, WebP, PPM), or folders of them."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """A folder for the results; or, for one image, the name of a file, ending in .png."""

    rate: int | None = None
    """One of the run's rates, from 1 for the fewest bits. Default: the middle one."""


def main(config: Config):
    """Write a PNG for every image, and return the paths."""
    require(config.inputs, "no images are named; add files or folders after the run")
    run = open_run(config.run)
    write = partial(_reconstruct, run.task, run.apply(config.rate))
    written = outputs.write_all(
        config.inputs, config.out, outputs.PNG, write, find=find_images, suffixes=SUFFIXES
    )
    return list(written)


def _reconstruct(task, apply, source, target):
    # A JPEG of CMYK inks would not be repaired but changed: the result is RGB.
    image = read_image(source, allow_cmyk=task.name != "restore")
    for notice in image.notices:
        note(notice)
    result = apply(image.pixels).pixels
    write_png(target, result.mean(-1).round().astype("uint8") if image.is_grey else result)


if __name__ == "__main__":
    run_command(main, Config, prog="python -m experiments.reconstruct")
