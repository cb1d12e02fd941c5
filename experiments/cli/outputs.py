"""Commands that make a file of each file they are given: where results go, what fails."""

from pathlib import Path

from rich.progress import Progress

from experiments.cli import console
from experiments.cli.commands import note
from experiments.system.errors import FileError

FNN, PNG = ".fnn", ".png"
_MADE_BY = {PNG: "PNG files", FNN: ".fnn files"}


def plan(inputs, out, suffix, *, find, suffixes):
    """Name the output of every input, ``{source: target}``, and make its folder.

    Parameters
    ----------
    inputs : sequence of Path
        Files and folders.
    out : Path
        A folder; or for one file, one that ends in `suffix`.
    suffix : ".png" or ".fnn"
        What results are.
    find : callable
        ``folder -> paths``: the files of a folder.
    suffixes : collection of str
        Suffixes of image files: an `out` with one of these names a file, not a folder.

    Raises
    ------
    FileError
        If an output exists already or cannot be, or two inputs would have the same one.
    """
    sources = []
    for path in inputs:
        sources += _files_in(path, find) if path.is_dir() else [path]
    is_file = out.suffix.lower() in (*suffixes, FNN)
    if is_file and out.suffix.lower() != suffix:
        raise FileError(f"{out}: results are {_MADE_BY[suffix]}; end it in {suffix}")
    if is_file and (len(sources) != 1 or inputs[0].is_dir()):
        raise FileError(
            f"{out}: several images need a folder; one image, a file that ends in {suffix}"
        )
    _make(out.parent if is_file else out)
    jobs = {}
    for source in sources:
        target = out if is_file else out / f"{source.stem}{suffix}"
        if target.exists():
            raise FileError(f"{target}: is there already and is not overwritten")
        if target in jobs.values():
            raise FileError(f"{target}: two inputs would be written there")
        jobs[source] = target
    return jobs


def make_all(jobs, out, make):
    """Call ``make(source, target)`` for every job; one that fails is named, the others are done.

    Parameters
    ----------
    jobs : dict of Path to Path
        From `plan`.
    out : Path
        What the user named.
    make : callable

    Returns
    -------
    dict of Path to object
        What `make` gave, by source.

    Raises
    ------
    FileError
        At the end, if some failed: counts them.
    """
    terminal, made = console.console(), {}
    with Progress(console=terminal, disable=not terminal.is_terminal) as progress:
        for source, target in progress.track(jobs.items(), description="images"):
            try:
                made[source] = make(source, target)
            except FileError as error:
                note(error)
    terminal.print(f"{len(made)} of {len(jobs)} images written to {out}", soft_wrap=True)
    missing = len(jobs) - len(made)
    if missing:
        raise FileError(f"{out}: {missing} of {len(jobs)} images are missing there")
    return made


def _make(folder):
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"{folder}: could not be made: {error.strerror}") from error


def _files_in(folder: Path, find):
    if any(path.is_dir() for path in folder.iterdir()):
        note(f"{folder}: images in folders inside it are left out")
    return find(folder)
