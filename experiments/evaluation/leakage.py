"""Images that a network was trained on, found again in a set that it is to be measured on."""

from dataclasses import replace
from typing import NamedTuple

from experiments.images import FINGERPRINT_FORM, find_shared
from experiments.system.errors import RunError, some

SIDES = ("train", "validation", "test")


class Recorded(NamedTuple):
    """An image as a run's record has it."""

    name: str
    sha256: str
    fingerprint: str
    side: str


def recorded_images(run):
    """Give the images that a run's record names, those of all sides.

    Raises
    ------
    RunError
        If the record is damaged there.
    """
    found = [_recorded(run, row) for row in run.record.pictures]
    if not any(image.side == "train" for image in found):
        raise _damaged(run, "none is on the side 'train'")
    return found


def _recorded(run, row):
    values = [row.get(name) for name in Recorded._fields] if isinstance(row, dict) else [None]
    if not all(isinstance(value, str) for value in values):
        raise _damaged(run, f"{row!r} is no image")
    image = Recorded(*values)
    if image.side not in SIDES:
        raise _damaged(run, f"the side of {_printable(image.name)}")
    if not FINGERPRINT_FORM.fullmatch(image.fingerprint):
        raise _damaged(run, f"the fingerprint of {_printable(image.name)}")
    return image


def sides(run):
    """Map the hashes of a run's images to their sides of the split."""
    return {image.sha256: image.side for image in recorded_images(run)}


def mark_trained(pairs, run, *, allow_overlap):
    """Put every pair whose photograph a run was trained on onto the side "train".

    Parameters
    ----------
    pairs : list of Pair
    run : Run
    allow_overlap : bool
        Whether there may be any.

    Returns
    -------
    list of Pair

    Raises
    ------
    RunError
        If there is one and `allow_overlap` is false; or the record is damaged there.
    """
    shared = {}
    for found in find_shared([pair.image for pair in pairs], _trained(run)):
        shared.setdefault(found.name_a, found)
    if shared and not allow_overlap:
        said = [_said(found) for found in shared.values()]
        raise RunError(
            f"{len(shared)} of {len(pairs)} images were trained on: {some(said)}; "
            "leave --data out to measure on this run's own held-out images, or add "
            "--allow-overlap to go on with these labelled"
        )
    return [replace(pair, side="train") if pair.image.name in shared else pair for pair in pairs]


def stamp(pairs):
    """Say what keeps a table over these pairs from being a held-out result; None if nothing."""
    seen = sum(pair.side == "train" for pair in pairs)
    if not seen:
        return None
    return f"{seen} of {len(pairs)} images were trained on: no mean over them is a held-out result"


def _trained(run):
    """Give the recorded images of the side "train"."""
    return [image for image in recorded_images(run) if image.side == "train"]


def _damaged(run, what):
    return RunError(f"{run.folder / 'record.json'}: its list of images is damaged: {what}")


def _said(found):
    """Name an image, the one it shares a photograph with if that is called otherwise, and how."""
    name, other = _printable(found.name_a), _printable(found.name_b)
    return f"{name} ({found.relation})" if name == other else f"{name} ({other}, {found.relation})"


def _printable(name):
    """Keep a file's name from breaking the line that it is told in."""
    return name if name.isprintable() else ascii(name)
