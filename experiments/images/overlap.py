"""Which pictures of two collections are the same photograph, whatever their files are called."""

import csv
from collections import Counter, defaultdict
from functools import cache
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from experiments.images.errors import PictureError
from experiments.images.fingerprint import BITS, near_pairs

TABLE = Path(__file__).parents[2] / "data" / "overlap.tsv"


class Shared(NamedTuple):
    """A picture that two collections share, by its names there, and how the two are related."""

    name_a: str
    name_b: str
    relation: str


def find_shared(pictures_a, pictures_b):
    """Find the pictures that two collections share.

    Parameters
    ----------
    pictures_a, pictures_b : sequence
        Pictures, or anything else with `name`, `sha256` and `fingerprint`.

    Returns
    -------
    list of Shared
        In the order of `pictures_a`, the surest relation of each first. One pair appears once,
        by the first of three evidences that there is: the pixels are the same ("identical"), the
        table of known overlaps has the pair, or the fingerprints are near ("looks the same").

    Raises
    ------
    PictureError
        If the table is not there.
    """
    relations = {}
    for evidence in (_identical, _known, _alike):
        for a, b, relation in evidence(pictures_a, pictures_b):
            relations.setdefault((a, b), relation)
    return [
        Shared(pictures_a[a].name, pictures_b[b].name, relation)
        for (a, b), relation in sorted(relations.items(), key=lambda item: item[0][0])
    ]


def same_photographs(pictures):
    """Gather pictures that show the same photograph, also where only a third links two of them.

    Parameters
    ----------
    pictures : sequence
        As for `find_shared`; names are unique.

    Returns
    -------
    list of list of str
        Names, each once; a group's are in the order of `pictures`, and so are the groups.
    """
    group_of = list(range(len(pictures)))

    def first(index):
        while group_of[index] != index:
            group_of[index] = index = group_of[group_of[index]]
        return index

    for one, other in _links(pictures):
        low, high = sorted((first(one), first(other)))
        group_of[high] = low
    groups = defaultdict(list)
    for index, picture in enumerate(pictures):
        groups[first(index)].append(picture.name)
    return list(groups.values())


def _links(pictures):
    """Yield pairs of indices that belong together; of many copies not every pair."""
    equal = _places(pictures, lambda picture: (picture.sha256, picture.fingerprint))
    for places in equal.values():
        yield from ((places[0], place) for place in places[1:])
    distinct = [places[0] for places in equal.values()]
    some = [pictures[place] for place in distinct]
    prints = [picture.fingerprint for picture in some]
    for one, other, *_ in chain(_known(some, some), near_pairs(prints, prints)):
        yield distinct[one], distinct[other]


def known_copies(pictures):
    """Count, by well-known set, the pictures that are in it too as the table says: a dict."""
    copies = [_table().get(picture.sha256, ()) for picture in pictures]
    # A pair of equal pixels does not tell which of its two sets this one is; most pairs do.
    own = Counter(copy.of for found in copies for copy in found).most_common(1)
    return Counter(
        name for found in copies for name in {copy.set for copy in found} if name not in dict(own)
    )


class _Copy(NamedTuple):
    """The other picture of a pair in the table; `of` is the set that the first belongs to."""

    of: str
    set: str
    name: str
    sha256: str
    relation: str


def _identical(pictures_a, pictures_b):
    """Pair equal pixels of equal shape; one colour's bytes can have several shapes."""
    places = _places(pictures_b, lambda picture: (picture.sha256, picture.fingerprint))
    for a, picture in enumerate(pictures_a):
        for b in places.get((picture.sha256, picture.fingerprint), ()):
            yield a, b, "identical"


def _known(pictures_a, pictures_b):
    places, table = _places(pictures_b, lambda picture: picture.sha256), _table()
    for a, picture in enumerate(pictures_a):
        for copy in table.get(picture.sha256, ()):
            for b in places.get(copy.sha256, ()):
                yield a, b, copy.relation


def _alike(pictures_a, pictures_b):
    prints = [[picture.fingerprint for picture in side] for side in (pictures_a, pictures_b)]
    for a, b, distance in sorted(near_pairs(*prints), key=lambda pair: pair[2]):
        yield a, b, f"looks the same, distance {distance} of {BITS}"


def _places(pictures, key):
    """Map what `key` gives to the indices of the pictures that have it."""
    places = defaultdict(list)
    for index, picture in enumerate(pictures):
        places[key(picture)].append(index)
    return places


@cache
def _table():
    """Read the known overlaps: a picture's hash to its copies in other sets."""
    try:
        text = TABLE.read_text(encoding="utf-8")
    except OSError as error:
        raise PictureError(
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
