"""Write images as .fnn files by a trained autoencoder."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import tyro

from experiments.cli import console, outputs
from experiments.cli.commands import note, run_command
from experiments.images import SUFFIXES, find_images, read_image
from experiments.runs.run import chosen_rate, open_run
from experiments.system import storage
from fnnet.core import require

# More escapes than this share of the latents are told.
_MANY_ESCAPES = 0.01


@dataclass(frozen=True, kw_only=True)
class Config:
    """Compress images; .fnn files appear, a folder of 30 in some ten seconds.

    RUN is a run of --task autoencode, or the name of released weights (pyramid). Only the same run
    can read the files. Images of any size; nothing that is there is overwritten.
    """

    run: tyro.conf.Positional[Path]
    """The run's folder, or the name of released weights."""
    inputs: Annotated[tyro.conf.Positional[tuple[Path, ...]], tyro.conf.arg(metavar="IN...")]
    """Images (PNG, JPEG, BMP, TIFF, WebP, PPM), or folders of them."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """A folder for the files; or, for one image, a file that ends in .fnn."""
    rate: int | None = None
    """Which of the run's rates, from 1 for the fewest bits. Default: the middle one."""


def main(config: Config):
    """Write a file for every image and return the paths.

    An image that cannot be read is named and the others are done; an error at the end then
    counts the failures.
    """
    require(config.inputs, "no images are named; give files or folders behind the run")
    codec = open_run(config.run).codec()
    rate = chosen_rate(codec, config.rate)
    jobs = outputs.plan(config.inputs, config.out, outputs.FNN, find=find_images, suffixes=SUFFIXES)
    compress = partial(_compress, codec, rate)
    made = outputs.make_all(jobs, config.out, compress).values()
    size, pixels = sum(size for size, _ in made), sum(pixels for _, pixels in made)
    console.console().print(f"{size:,} bytes, {8 * size / pixels:.3f} bits a pixel")
    return list(jobs.values())


def _compress(codec, rate, source, target):
    """Write one image; give the bytes of its file, and its pixels."""
    image = read_image(source)
    for notice in image.notices:
        note(notice)
    made = codec.write(image.pixels, rate, is_grey=image.is_grey)
    if made.escapes > _MANY_ESCAPES:
        note(
            f"{source}: {made.escapes:.1%} of the latents are outside the run's "
            "tables, which costs bytes: the image is unlike those that it was trained on"
        )
    storage.write_bytes(target, made.data)
    return len(made.data), image.shape[0] * image.shape[1]


if __name__ == "__main__":
    run_command(main, Config, prog="python -m experiments.compress")
