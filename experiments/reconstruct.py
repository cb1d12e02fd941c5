"""Apply a trained network to your own pictures."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from rich.progress import Progress

from experiments import tables
from experiments.commands import note, run_command
from experiments.pictures import (
    SUFFIXES,
    PictureError,
    find_pictures,
    read_picture,
    write_png,
)
from experiments.runs import load_run
from fnnet.core import require


@dataclass(frozen=True, kw_only=True)
class Config:
    """Apply a trained network to pictures; PNG files appear, about a second a megapixel.

    A run of the task restore repairs JPEG pictures; autoencode sends pictures through the
    bottleneck and back; emulate makes them look as JPEG would. Pictures of any size; nothing that
    is there is overwritten.
    """

    run: tyro.conf.Positional[Path]
    """The run's folder."""
    inputs: Annotated[tyro.conf.Positional[tuple[Path, ...]], tyro.conf.arg(metavar="IN...")]
    """Pictures (PNG, JPEG, BMP, TIFF, WebP, PPM), or folders of them."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """A folder for the results; or, for one picture, a file that ends in .png."""

    rate: int | None = None
    """Which of the run's rates, from 1 for the fewest bits. Default: the middle one."""


def main(config: Config):
    """Write a PNG for every picture and return the paths.

    A picture that cannot be read is named and the others are done; an error at the end then
    counts the failures.
    """
    require(config.inputs, "no pictures are named; give files or folders behind the run")
    run = load_run(config.run)
    jobs = plan(config.inputs, config.out)
    apply = run.apply(config.rate)
    terminal = tables.console()
    failed = []
    with Progress(console=terminal, disable=not terminal.is_terminal) as progress:
        for source, target in progress.track(jobs.items(), description="pictures"):
            try:
                _reconstruct(run.task, apply, source, target)
            except PictureError as error:
                note(error)
                failed.append(source)
    written = [target for source, target in jobs.items() if source not in failed]
    terminal.print(
        f"{len(written)} of {len(jobs)} pictures written to {config.out}", soft_wrap=True
    )
    if failed:
        raise PictureError(f"{config.out}: {len(failed)} of {len(jobs)} pictures are missing there")
    return written


def plan(inputs, out):
    """Name the output of every input, ``{source: target}``, and make its folder.

    Raises
    ------
    PictureError
        If an output exists already or cannot be, or two inputs would have the same one.
    """
    sources = []
    for path in inputs:
        sources += _pictures_in(path) if path.is_dir() else [path]
    is_file = out.suffix.lower() in SUFFIXES
    if is_file and out.suffix.lower() != ".png":
        raise PictureError(f"{out}: results are PNG files; end it in .png")
    if is_file and (len(sources) != 1 or inputs[0].is_dir()):
        raise PictureError(
            f"{out}: several pictures need a folder; one picture, a file that ends in .png"
        )
    folder = out.parent if is_file else out
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PictureError(f"{folder}: could not be made: {error.strerror}") from error
    jobs = {}
    for source in sources:
        target = out if is_file else out / f"{source.stem}.png"
        if target.exists():
            raise PictureError(f"{target}: is there already and is not overwritten")
        if target in jobs.values():
            raise PictureError(f"{target}: two inputs would be written there")
        jobs[source] = target
    return jobs


def _pictures_in(folder):
    if any(path.is_dir() for path in folder.iterdir()):
        note(f"{folder}: pictures in folders inside it are left out")
    return find_pictures(folder)


def _reconstruct(task, apply, source, target):
    # A CMYK file's inks cannot be given back, so a JPEG of them is not repaired but changed.
    picture = read_picture(source, allow_cmyk=task.name != "restore")
    for notice in picture.notices:
        note(notice)
    result = apply(picture.pixels).pixels
    write_png(target, result.mean(-1).round().astype("uint8") if picture.is_grey else result)


if __name__ == "__main__":
    run_command(main, Config, prog="python -m experiments.reconstruct")
