"""The images of a sweep, to train on and to test on: never the same photograph in both."""

import hashlib
import json
import os
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from experiments.evaluation.pairs import Pair, load_pairs
from experiments.images import find_seen, locate
from experiments.system.errors import RunError, some

EMBEDDED = "embedded"


@dataclass(frozen=True, eq=False)
class Material:
    """Pairs to train on and to test on, with the names of their sets."""

    train_name: str
    test_name: str
    train: tuple[Pair, ...]
    test: tuple[Pair, ...]

    @property
    def digest(self):
        """Digest of the hashes of all images and their splits: 16 hexadecimal digits."""
        splits = ([pair.image.sha256 for pair in pairs] for pairs in (self.train, self.test))
        return images_digest(*splits)

    def trained_on(self, count, seed):
        """Choose `count` images to train on, which include those of any smaller count."""

        def draw(pair):
            return hashlib.sha256(f"{seed}/{pair.image.sha256}".encode()).digest()

        return sorted(self.train, key=draw)[:count]

    def __reduce__(self):
        """Pickle pixels, JPEG versions too: another machine does not have the files."""
        splits = [
            tuple(replace(pair, load=partial(tuple, pair.load())) for pair in pairs)
            for pairs in (self.train, self.test)
        ]
        return Material, (self.train_name, self.test_name, *splits)


def images_digest(train, test):
    """Compute the digest of the hashes of images to train and to test on."""
    hashes = [sorted(train), sorted(test)]
    return hashlib.sha256(json.dumps(hashes).encode()).hexdigest()[:16]


def load_material(train, test, quality):
    """Read the sets to train on and to test on, with JPEG versions of a quality from 1 to 100.

    Sets are used whole. Without `test`, `train` is split; without `train` too, the embedded
    photographs are. Raises a RunError if a photograph is in both sets, whatever its names, sizes or
    formats are, and an ImageError if a set cannot be read.
    """
    if test is None:
        pairs = load_pairs(train, quality)
        splits = _training(pairs), [pair for pair in pairs if pair.split != "train"]
        return Material(_name(train), _name(train), *map(tuple, splits))
    train_name, test_name = _name(train), _name(test)
    train_pairs = _training(load_pairs(None, quality)) if train is None else _whole(train, quality)
    test_pairs = _whole(test, quality)
    seen = find_seen([p.image for p in test_pairs], [p.image for p in train_pairs])
    if seen:
        raise RunError(
            f"{len(seen)} of {len(test_pairs)} images of the set {test_name} to test on are in "
            f"the set {train_name} to train on: {some(list(map(str, seen.values())))}"
        )
    return Material(train_name, test_name, tuple(train_pairs), tuple(test_pairs))


def _training(pairs):
    return [pair for pair in pairs if pair.split == "train"]


def _whole(data, quality):
    return load_pairs(data, quality, {})


def _name(data):
    return EMBEDDED if data is None else Path(os.path.abspath(locate(data))).name
