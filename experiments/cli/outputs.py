"""Commands that write one file for each input file: names of the outputs, failures."""

from pathlib import Path

from rich.progress import Progress

from experiments.cli import console
from experiments.cli.commands import note
from experiments.system.errors import FileError

FNN, PNG = ".fnn", ".png"
_NAMES = {PNG: "PNG files", FNN: ".fnn files"}


def write_all(inputs, out, suffix, write, *, find, suffixes):
    """Call ``write(source, target)`` for every input; report failures and continue.

    Inputs are files, and folders whose files ``find(folder)`` returns. `out` is a folder, which is
    created; or for one file, a file that ends in `suffix`, the outputs' ".png" or ".fnn". An `out`
    with one of the `suffixes` of image files names a file too.

    Returns what `write` returned, by target. Raises a FileError before any work, if an output
    exists already, has a name that cannot be, or belongs to two inputs; at the end, with their
    number, if some failed.
    """
    targets = _targets(inputs, out, suffix, find, suffixes)
    terminal, results = console.terminal(), {}
    with Progress(console=terminal, disable=not terminal.is_terminal) as progress:
        for source, target in progress.track(targets.items(), description="images"):
            try:
                results[target] = write(source, target)
            except FileError as error:
                note(error)
    console.print_line(f"{len(results)} of {len(targets)} images written to {out}")
    missing = len(targets) - len(results)
    if missing:
        raise FileError(f"{out}: {missing} of {len(targets)} images are missing there")
    return results


def _targets(inputs, out, suffix, find, suffixes):
    """Return the output of every input, ``{source: target}``, and create its folder."""
    sources = []
    for path in inputs:
        sources += _files_in(path, find) if path.is_dir() else [path]
    is_file = out.suffix.lower() in (*suffixes, FNN)
    if is_file and out.suffix.lower() != suffix:
        raise FileError(f"{out}: results are {_NAMES[suffix]}; end it in {suffix}")
    if is_file and (len(sources) != 1 or inputs[0].is_dir()):
        raise FileError(
            f"{out}: several images need a folder; one image, a file that ends in {suffix}"
        )
    _create(out.parent if is_file else out)
    targets = {}
    for source in sources:
        target = out if is_file else out / f"{source.stem}{suffix}"
        if target.exists():
            raise FileError(f"{target}: is there already and is not overwritten")
        if target in targets.values():
            raise FileError(f"{target}: two inputs would be written there")
        targets[source] = target
    return targets


def _create(folder):
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"{folder}: could not be made: {error.strerror}") from error


def _files_in(folder: Path, find):
    if any(path.is_dir() for path in folder.iterdir()):
        note(f"{folder}: images in folders inside it are left out")
    return find(folder)
