"""Write images as .fnn files with a trained autoencoder."""

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

# Of the latents; a larger share of escapes is reported.
_MANY_ESCAPES = 0.01


@dataclass(frozen=True, kw_only=True)
class Config:
    """Compress images; .fnn files appear, in about ten seconds for a folder of 30.

    RUN is a run of --task autoencode, or the name of released weights (pyramid). Only the same run
    can read the files. Images of any size; existing files are not overwritten.
    """

    run: tyro.conf.Positional[Path]
    """The run's folder, or the name of released weights."""
    inputs: Annotated[tyro.conf.Positional[tuple[Path, ...]], tyro.conf.arg(metavar="IN...")]
    """Images (PNG, JPEG, BMP, TIFF, WebP, PPM), or folders of them."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """A folder for the files; or, for one image, the name of a file, ending in .fnn."""
    rate: int | None = None
    """One of the run's rates, from 1 for the fewest bits. Default: the middle one."""


def main(config: Config):
    """Write a file for every image, and return the paths."""
    require(config.inputs, "no images are named; add files or folders after the run")
    codec = open_run(config.run).codec()
    rate = chosen_rate(codec, config.rate)
    written = outputs.write_all(
        config.inputs,
        config.out,
        outputs.FNN,
        partial(_compress, codec, rate),
        find=find_images,
        suffixes=SUFFIXES,
    )
    size, pixels = (sum(counts) for counts in zip(*written.values(), strict=True))
    console.print_line(f"{size:,} bytes, {8 * size / pixels:.3f} bits per pixel")
    return list(written)


def _compress(codec, rate, source, target):
    """Write one image; return the number of its file's bytes, and of its pixels."""
    image = read_image(source)
    for notice in image.notices:
        note(notice)
    coded = codec.write(image.pixels, rate, is_grey=image.is_grey)
    if coded.escapes > _MANY_ESCAPES:
        note(
            f"{source}: {coded.escapes:.1%} of the latents are outside the run's "
            "tables, which costs bytes: the image is unlike those that it was trained on"
        )
    storage.write_bytes(target, coded.data)
    return len(coded.data), image.shape[0] * image.shape[1]


if __name__ == "__main__":
    run_command(main, Config, prog="python -m experiments.compress")
