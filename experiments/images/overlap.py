"""Which images of two collections are the same photograph, whatever their files are called."""

import csv
from collections import Counter, defaultdict
from functools import cache
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from experiments.images.errors import ImageError
from experiments.images.fingerprint import BITS, near_pairs

TABLE = Path(__file__).parents[2] / "data" / "overlap.tsv"


class Shared(NamedTuple):
    """An image that two collections share, by its names there, and how the two are related."""

    name_a: str
    name_b: str
    relation: str


def find_shared(images_a, images_b):
    """Find the images that two collections share.

    Parameters
    ----------
    images_a, images_b : sequence
        Images, or anything else with `name`, `sha256` and `fingerprint`.

    Returns
    -------
    list of Shared
        In the order of `images_a`, the surest relation of each first. One pair appears once,
        by the first of three evidences that there is: the pixels are the same ("identical"), the
        table of known overlaps has the pair, or the fingerprints are near ("looks the same").

    Raises
    ------
    ImageError
        If the table is not there.
    """
    relations = {}
    for evidence in (_identical, _known, _alike):
        for a, b, relation in evidence(images_a, images_b):
            relations.setdefault((a, b), relation)
    return [
        Shared(images_a[a].name, images_b[b].name, relation)
        for (a, b), relation in sorted(relations.items(), key=lambda item: item[0][0])
    ]


def same_photographs(images):
    """Gather images that show the same photograph, also where only a third links two of them.

    Parameters
    ----------
    images : sequence
        As for `find_shared`; names are unique.

    Returns
    -------
    list of list of str
        Names, each once; a group's are in the order of `images`, and so are the groups.
    """
    group_of = list(range(len(images)))

    def first(index):
        while group_of[index] != index:
            group_of[index] = index = group_of[group_of[index]]
        return index

    for one, other in _links(images):
        low, high = sorted((first(one), first(other)))
        group_of[high] = low
    groups = defaultdict(list)
    for index, image in enumerate(images):
        groups[first(index)].append(image.name)
    return list(groups.values())


def _links(images):
    """Yield pairs of indices that belong together; of many copies not every pair."""
    equal = _places(images, lambda image: (image.sha256, image.fingerprint))
    for places in equal.values():
        yield from ((places[0], place) for place in places[1:])
    distinct = [places[0] for places in equal.values()]
    some = [images[place] for place in distinct]
    prints = [image.fingerprint for image in some]
    for one, other, *_ in chain(_known(some, some), near_pairs(prints, prints)):
        yield distinct[one], distinct[other]


def known_copies(images):
    """Count, by well-known set, the images that are in it too as the table says: a dict."""
    copies = [_table().get(image.sha256, ()) for image in images]
    # A pair of equal pixels does not tell which of its two sets this one is; most pairs do.
    own = Counter(copy.of for found in copies for copy in found).most_common(1)
    return Counter(
        name for found in copies for name in {copy.set for copy in found} if name not in dict(own)
    )


class _Copy(NamedTuple):
    """The other image of a pair in the table; `of` is the set that the first belongs to."""

    of: str
    set: str
    name: str
    sha256: str
    relation: str


def _identical(images_a, images_b):
    """Pair equal pixels of equal shape; one colour's bytes can have several shapes."""
    places = _places(images_b, lambda image: (image.sha256, image.fingerprint))
    for a, image in enumerate(images_a):
        for b in places.get((image.sha256, image.fingerprint), ()):
            yield a, b, "identical"


def _known(images_a, images_b):
    places, table = _places(images_b, lambda image: image.sha256), _table()
    for a, image in enumerate(images_a):
        for copy in table.get(image.sha256, ()):
            for b in places.get(copy.sha256, ()):
                yield a, b, copy.relation


def _alike(images_a, images_b):
    prints = [[image.fingerprint for image in side] for side in (images_a, images_b)]
    for a, b, distance in sorted(near_pairs(*prints), key=lambda pair: pair[2]):
        yield a, b, f"looks the same, distance {distance} of {BITS}"


def _places(images, key):
    """Map what `key` gives to the indices of the images that have it."""
    places = defaultdict(list)
    for index, image in enumerate(images):
        places[key(image)].append(index)
    return places


@cache
def _table():
    """Read the known overlaps: an image's hash to its copies in other sets."""
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
