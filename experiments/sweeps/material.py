"""The images of a sweep: what is trained on and what is tested on, never the same photograph."""

import hashlib
import json
import os
from dataclasses import dataclass, replace
from pathlib import Path

from experiments.evaluation.pairs import Pair, load_pairs
from experiments.images import find_shared, locate
from experiments.system.errors import RunError, some

EMBEDDED = "embedded"


@dataclass(frozen=True, eq=False)
class Material:
    """Pairs to train on and to test on, with the names of the sets that they are of."""

    train_name: str
    test_name: str
    train: tuple[Pair, ...]
    test: tuple[Pair, ...]

    @property
    def digest(self):
        """Digest over the hashes of all images and their sides: 16 hexadecimal digits."""
        sides = ([pair.image.sha256 for pair in side] for side in (self.train, self.test))
        return images_digest(*sides)

    def trained_on(self, count, seed):
        """Choose `count` images to train on: those of a smaller count are among them."""

        def draw(pair):
            return hashlib.sha256(f"{seed}/{pair.image.sha256}".encode()).digest()

        return sorted(self.train, key=draw)[:count]

    def __reduce__(self):
        """Pickle pixels, JPEG versions too: another machine does not have the files."""
        sides = [tuple(map(_in_memory, side)) for side in (self.train, self.test)]
        return Material, (self.train_name, self.test_name, *sides)


def images_digest(train, test):
    """Compute the digest of the hashes of images to train and to test on."""
    hashes = [sorted(train), sorted(test)]
    return hashlib.sha256(json.dumps(hashes).encode()).hexdigest()[:16]


def load_material(train, test, quality):
    """Read the sets to train on and to test on.

    Parameters
    ----------
    train, test : str or None
        Sets that are taken whole. Without `test`, the training side of `train`'s split and the rest
        of it; without `train` too, those of the embedded photographs.
    quality : int
        Of the JPEG versions, 1 to 100.

    Raises
    ------
    RunError
        If both have a photograph, whatever its name, size or format is there.
    ImageError
        If a set cannot be read.
    """
    if test is None:
        pairs = load_pairs(train, quality)
        sides = _training(pairs), [pair for pair in pairs if pair.split != "train"]
        return Material(_name(train), _name(train), *map(tuple, sides))
    train_name, test_name = _name(train), _name(test)
    train_pairs = _training(load_pairs(None, quality)) if train is None else _whole(train, quality)
    test_pairs = _whole(test, quality)
    shared = find_shared([p.image for p in test_pairs], [p.image for p in train_pairs])
    if shared:
        names = {found.name_a: f"{found.name_a} ({found.relation})" for found in shared}
        raise RunError(
            f"{len(names)} of {len(test_pairs)} images of the set {test_name} to test on are in "
            f"the set {train_name} to train on: {some(list(names.values()))}"
        )
    return Material(train_name, test_name, tuple(train_pairs), tuple(test_pairs))


def _training(pairs):
    return [pair for pair in pairs if pair.split == "train"]


def _whole(data, quality):
    return load_pairs(data, quality, {})


def _name(data):
    return EMBEDDED if data is None else Path(os.path.abspath(locate(data))).name


@dataclass(frozen=True, eq=False)
class _Constant:
    value: tuple

    def __call__(self):
        return self.value


def _in_memory(pair):
    return replace(pair, load=_Constant(pair.load()))
