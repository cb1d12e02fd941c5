"""Overlap of image sets: images that show the same photograph, under any name.

`_relations` is the only place that decides it: splits, runs and sweeps all ask here.
"""

import csv
from collections import Counter, defaultdict
from functools import cache
from pathlib import Path
from typing import NamedTuple

from experiments.images.errors import ImageError
from experiments.images.fingerprint import BITS, near_pairs

TABLE = Path(__file__).parents[2] / "data" / "overlap.tsv"


class Shared(NamedTuple):
    """A photograph that two collections share: its names there, and how the images are related."""

    name_a: str
    name_b: str
    relation: str

    def __str__(self):
        """Return the name in the first collection, the other one if it differs, the relation."""
        name, other = printable(self.name_a), printable(self.name_b)
        return f"{name} ({self.relation if name == other else f'{other}, {self.relation}'})"


def find_shared(images_a, images_b):
    """Find the photographs that two collections share.

    Collections hold images, or anything else with `name`, `sha256` and `fingerprint`. Returns a
    list of `Shared` in the order of `images_a`, for each image the surest relation first. One pair
    appears once, by the first of three kinds of evidence: equal pixels ("identical"), a row in the
    table of known overlaps, fingerprints that are near ("looks the same"). Raises `ImageError` if
    the table is missing.
    """
    pairs = sorted(_relations(images_a, images_b).items(), key=lambda item: item[0][0])
    return [Shared(images_a[a].name, images_b[b].name, relation) for (a, b), relation in pairs]


def find_seen(images, others):
    """Map the name of each image whose photograph is among `others` to its surest `Shared`."""
    seen = {}
    for shared in find_shared(images, others):
        seen.setdefault(shared.name_a, shared)
    return seen


def same_photographs(images):
    """Group images of the same photograph, transitively.

    Images are as for `find_shared`, with unique names. Returns lists of names, each once, in the
    order of `images`; groups in the order of their first names.
    """
    # Of equal images only the first is compared: the pairs of many copies are too many.
    copies = list(_by_key(images, _pixels_key).values())
    distinct = [images[indices[0]] for indices in copies]
    group_of = list(range(len(distinct)))
    for a, b in _relations(distinct, distinct):
        low, high = sorted((group_of[a], group_of[b]))
        if low != high:
            group_of = [low if group == high else group for group in group_of]
    groups = defaultdict(list)
    for group, indices in zip(group_of, copies, strict=True):
        groups[group] += indices
    return [[images[index].name for index in sorted(group)] for group in groups.values()]


def known_copies(images):
    """Count images that the table of overlaps also has in another set, by that set's name."""
    copies = [_table().get(image.sha256, ()) for image in images]
    # A pair of identical images does not reveal which of its two sets this is; most pairs do.
    homes = Counter(copy.of for group in copies for copy in group)
    home = max(homes, key=homes.get, default=None)
    names = [{copy.set for copy in group} - {home} for group in copies]
    return Counter(name for group in names for name in sorted(group))


def printable(name):
    """Return a file's name in a form that cannot break the line it is printed in."""
    return name if name.isprintable() else ascii(name)


def _relations(images_a, images_b):
    """Map index pairs of images that show the same photograph to the surest evidence of it."""
    relations = {}
    for evidence in (_equal_pixels, _known_pairs, _near_fingerprints):
        for a, b, relation in evidence(images_a, images_b):
            relations.setdefault((a, b), relation)
    return relations


def _equal_pixels(images_a, images_b):
    indices = _by_key(images_b, _pixels_key)
    for a, image in enumerate(images_a):
        for b in indices.get(_pixels_key(image), ()):
            yield a, b, "identical"


def _known_pairs(images_a, images_b):
    indices, table = _by_key(images_b, lambda image: image.sha256), _table()
    for a, image in enumerate(images_a):
        for copy in table.get(image.sha256, ()):
            for b in indices.get(copy.sha256, ()):
                yield a, b, copy.relation


def _near_fingerprints(images_a, images_b):
    prints = [[image.fingerprint for image in images] for images in (images_a, images_b)]
    for a, b, distance in sorted(near_pairs(*prints), key=lambda pair: pair[2]):
        yield a, b, f"looks the same, distance {distance} of {BITS}"


def _pixels_key(image):
    """Return a key of pixels and shape: with one colour, other shapes can have the same hash."""
    return image.sha256, image.fingerprint


def _by_key(images, key):
    """Map each value of `key` to the indices of the images that have it."""
    indices = defaultdict(list)
    for index, image in enumerate(images):
        indices[key(image)].append(index)
    return indices


class _Copy(NamedTuple):
    """A known copy of an image in another set; `of` is the set of the image itself."""

    of: str
    set: str
    name: str
    sha256: str
    relation: str


@cache
def _table():
    """Read the known overlaps: each image's hash to its copies in other sets."""
    try:
        text = TABLE.read_text(encoding="utf-8")
    except OSError as error:
        raise ImageError(
            f"{TABLE}: the table of known overlaps cannot be read ({error.strerror}); it comes "
            "with the project's checkout"
        ) from error
    table = defaultdict(list)
    for row in csv.DictReader(text.splitlines(), delimiter="\t"):
        for here, there in ("ab", "ba"):
            fields = (row[f"{field}_{there}"] for field in ("set", "name", "sha256"))
            copy = _Copy(row[f"set_{here}"], *fields, row["relation"])
            table[row[f"sha256_{here}"]].append(copy)
    return table
