"""Write pictures as .fnn files by a trained autoencoder."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import tyro

from experiments.cli import console, outputs
from experiments.cli.commands import note, run_command
from experiments.images import SUFFIXES, find_pictures, read_picture
from experiments.runs.released import released
from experiments.runs.run import chosen_rate, load_run
from experiments.system import storage
from fnnet.core import require

# More escapes than this share of the latents are told.
_MANY_ESCAPES = 0.01


@dataclass(frozen=True, kw_only=True)
class Config:
    """Compress pictures; .fnn files appear, a folder of 30 in some ten seconds.

    RUN is a run of --task autoencode, or the name of released weights (pyramid). Only the same run
    can read the files. Pictures of any size; nothing that is there is overwritten.
    """

    run: tyro.conf.Positional[Path]
    """The run's folder, or the name of released weights."""
    inputs: Annotated[tyro.conf.Positional[tuple[Path, ...]], tyro.conf.arg(metavar="IN...")]
    """Pictures (PNG, JPEG, BMP, TIFF, WebP, PPM), or folders of them."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """A folder for the files; or, for one picture, a file that ends in .fnn."""
    rate: int | None = None
    """Which of the run's rates, from 1 for the fewest bits. Default: the middle one."""


def main(config: Config):
    """Write a file for every picture and return the paths.

    A picture that cannot be read is named and the others are done; an error at the end then
    counts the failures.
    """
    require(config.inputs, "no pictures are named; give files or folders behind the run")
    codec = load_run(released(config.run)).codec()
    rate = chosen_rate(codec, config.rate)
    jobs = outputs.plan(
        config.inputs, config.out, outputs.FNN, find=find_pictures, suffixes=SUFFIXES
    )
    compress = partial(_compress, codec, rate)
    made = outputs.make_all(jobs, config.out, compress).values()
    size, pixels = sum(size for size, _ in made), sum(pixels for _, pixels in made)
    console.console().print(f"{size:,} bytes, {8 * size / pixels:.3f} bits a pixel")
    return list(jobs.values())


def _compress(codec, rate, source, target):
    """Write one picture; give the bytes of its file, and its pixels."""
    picture = read_picture(source)
    for notice in picture.notices:
        note(notice)
    made = codec.write(picture.pixels, rate, is_grey=picture.is_grey)
    if made.escapes > _MANY_ESCAPES:
        note(
            f"{source}: {made.escapes:.1%} of the latents are outside the run's "
            "tables, which costs bytes: the picture is unlike those that it was trained on"
        )
    storage.write_bytes(target, made.data)
    return len(made.data), picture.shape[0] * picture.shape[1]


if __name__ == "__main__":
    run_command(main, Config, prog="python -m experiments.compress")
