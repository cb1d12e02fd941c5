"""Leakage: images of a test set that a network was trained on."""

from dataclasses import replace
from typing import NamedTuple

from experiments.images import FINGERPRINT_FORM, find_seen, printable
from experiments.system.errors import RunError, some

SPLITS = ("train", "validation", "test")


class Recorded(NamedTuple):
    """An image in a run's record; `side` is its split."""

    name: str
    sha256: str
    fingerprint: str
    side: str


def recorded_images(run):
    """Return the images of all splits in a run's record; raise `RunError` if they are damaged."""
    images = [_recorded(run, row) for row in run.record.pictures]
    if not any(image.side == "train" for image in images):
        raise _damaged(run, "none is in the split 'train'")
    return images


def _recorded(run, row):
    values = [row.get(name) for name in Recorded._fields] if isinstance(row, dict) else [None]
    if not all(isinstance(value, str) for value in values):
        raise _damaged(run, f"{row!r} is no image")
    image = Recorded(*values)
    if image.side not in SPLITS:
        raise _damaged(run, f"the split of {printable(image.name)}")
    if not FINGERPRINT_FORM.fullmatch(image.fingerprint):
        raise _damaged(run, f"the fingerprint of {printable(image.name)}")
    return image


def splits(run):
    """Map the hashes of a run's images to their splits."""
    return {image.sha256: image.side for image in recorded_images(run)}


def mark_trained(pairs, run, *, allow_overlap):
    """Move every pair whose photograph a run was trained on to the split "train".

    Raises `RunError` if there is one, unless `allow_overlap`, or if the record is damaged there.
    """
    trained = [image for image in recorded_images(run) if image.side == "train"]
    seen = find_seen([pair.image for pair in pairs], trained)
    if seen and not allow_overlap:
        raise RunError(
            f"{len(seen)} of {len(pairs)} images were trained on: "
            f"{some(list(map(str, seen.values())))}; "
            "leave --data out to measure on this run's own held-out images, or add "
            "--allow-overlap to go on with these labelled"
        )
    return [replace(pair, split="train") if pair.image.name in seen else pair for pair in pairs]


def stamp(pairs):
    """Return a warning for tables over these pairs, None if they have no training images."""
    seen = sum(pair.split == "train" for pair in pairs)
    if not seen:
        return None
    return f"{seen} of {len(pairs)} images were trained on: no mean over them is a held-out result"


def _damaged(run, what):
    return RunError(f"{run.folder / 'record.json'}: its list of images is damaged: {what}")
