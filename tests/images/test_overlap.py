"""Shared images, by pixels, by the table and by looks; and what the real sets share."""

import csv
import re
from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest
from image_builders import noise, smooth

from experiments.images import (
    ImageError,
    StoredImage,
    known_copies,
    open_set,
    overlap,
    read_image,
    same_photographs,
)
from experiments.images.fingerprint import BITS, LIMIT, near_pairs
from experiments.images.overlap import find_shared

with open(overlap.TABLE, encoding="utf-8", newline="") as file:
    ROWS = list(csv.DictReader(file, delimiter="\t"))
LOOK = re.compile(rf"looks the same, distance (\d+) of {BITS}")


@cache
def originals(root, name):
    """The images of a real set, read once for all tests."""
    return open_set(root / name).originals


@pytest.fixture
def table(monkeypatch):
    """A table of known overlaps that the test fills."""
    known = {}
    monkeypatch.setattr(overlap, "_table", lambda: known)
    return known


def make(name, pixels):
    return StoredImage.of(pixels, name)


def test_names_do_not_count_and_pixels_do(table):
    one = [make("woman", noise(seed=1)), make("b", noise(seed=2))]
    other = [make("woman", noise(seed=3)), make("\n[red]", noise(seed=2))]
    assert find_shared(one, other) == [("b", "\n[red]", "identical")]


def test_the_surest_relation_is_given_once(table):
    pixels = noise(80, 90)
    one, other = [make("a", pixels)], [make("same", pixels), make("mirrored", pixels[:, ::-1])]
    table[one[0].sha256] = [
        overlap._Copy("live1", "kodak", image.name, image.sha256, "from the table")
        for image in other
    ]
    assert known_copies([*one, make("b", noise())]) == {"kodak": 1}
    assert find_shared(one, other) == [
        ("a", "same", "identical"),
        ("a", "mirrored", "from the table"),
    ]
    table.clear()
    assert find_shared(one, other[::-1]) == [
        ("a", "same", "identical"),
        ("a", "mirrored", f"looks the same, distance 0 of {BITS}"),
    ]


def test_many_copies_are_one_group(table):
    one, other = noise(60, 70), smooth(60, 70)
    images = [make(f"p{index}", (one, other)[index % 2]) for index in range(400)]
    images.append(make("mirrored", one[:, ::-1]))
    copies, _ = groups = same_photographs(images)
    assert len(groups) == 2
    assert copies == [*(f"p{index}" for index in range(0, 400, 2)), "mirrored"]


def test_flat_and_tiny_images_are_shared_only_if_they_are_equal(table):
    flat = [np.full((6, 6, 3), level, np.uint8) for level in (0, 1)]
    images = [make(str(i), p) for i, p in enumerate([*flat, flat[0].reshape(4, 9, 3)])]
    images += [make(f"dot {i}", noise(1, 1, seed=i)) for i in range(3)]
    again = [make(f"copy of {image.name}", image.pixels) for image in images]
    assert find_shared(images, again) == [
        (image.name, f"copy of {image.name}", "identical") for image in images
    ]


def test_a_missing_table_is_told(monkeypatch, tmp_path):
    overlap._table.cache_clear()
    monkeypatch.setattr(overlap, "TABLE", tmp_path / "overlap.tsv")
    with pytest.raises(ImageError) as caught:
        find_shared([make("a", noise())], [])
    assert str(caught.value) == (
        f"{tmp_path / 'overlap.tsv'}: the table of known overlaps cannot be read (No such file or "
        "directory); it comes with the project's checkout"
    )


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['set_a']}-{row['name_a']}")
def test_the_table_is_well_formed(row):
    assert list(row) == [
        *("set_a", "name_a", "sha256_a", "set_b", "name_b", "sha256_b", "relation", "measure")
    ]
    assert all(re.fullmatch(r"[0-9a-f]{64}", row[f"sha256_{side}"]) for side in "ab")
    assert (row["sha256_a"] == row["sha256_b"]) == (row["relation"] == "identical")


def pair_names(*sets):
    """The pairs of names that the table has of two sets."""
    return {(row["name_a"], row["name_b"]) for row in ROWS if (row["set_a"], row["set_b"]) == sets}


def test_the_table_has_the_hashes_of_the_real_images(data_root):
    # One image of 500 JPEG files: the others need not be decoded.
    training = {"302003": read_image(data_root / "train" / "302003.jpg")}
    sets = {"train": training} | {
        name: {image.name: image for image in originals(data_root, name)}
        for name in ("live1", "kodak", "classic5", "set5", "set14")
    }
    for row in ROWS:
        for side in "ab":
            image = sets[row[f"set_{side}"]][row[f"name_{side}"]]
            assert image.sha256 == row[f"sha256_{side}"], image.name


def test_live1_shares_19_images_with_kodak(data_root, monkeypatch):
    live1, kodak = (originals(data_root, name) for name in ("live1", "kodak"))
    shared = find_shared(live1, kodak)
    assert len(shared) == 19 and {found[:2] for found in shared} == pair_names("live1", "kodak")
    relations = [found.relation for found in shared]
    assert relations.count("identical") == 1
    assert relations.count("identical except the last row") == 12
    assert known_copies(live1) == {"kodak": 19, "set14": 1}
    assert known_copies(kodak) == {"live1": 19}
    monkeypatch.setattr(overlap, "_table", dict)
    alike = find_shared(live1, kodak)
    assert [found[:2] for found in alike] == [found[:2] for found in shared]
    distances = [
        int(LOOK.fullmatch(found.relation)[1]) for found in alike if found[2] != "identical"
    ]
    assert max(distances) <= 7


@pytest.mark.slow
def test_the_real_sets_share_what_is_known_and_nothing_else(data_root):
    """Every pair of all images: the table's, one stereo pair, and a wide gap to the rest."""
    names = ("live1", "kodak", "classic5", "set5", "set14", "train", "train_hq")
    sets = {name: originals(data_root, name) for name in names}
    sets["embedded"] = open_set().originals
    images = [
        SimpleNamespace(place=(name, p.name), fingerprint=p.fingerprint)
        for name, originals in sets.items()
        for p in originals
    ]
    assert len(images) == 631
    prints = [image.fingerprint for image in images]
    assert not any("x" in text for text in prints)
    distances = {
        frozenset((images[i].place, images[j].place)): distance
        for i, j, distance in near_pairs(prints, prints, limit=LIMIT + 20)
        if i < j
    }
    known = {
        frozenset(((row["set_a"], row["name_a"]), (row["set_b"], row["name_b"]))): row["relation"]
        for row in ROWS
    }
    stereo = {("embedded", "motorcycle_left"), ("embedded", "motorcycle_right")}
    near = {pair for pair, distance in distances.items() if distance <= LIMIT}
    cropped_far = {pair for pair in known if ("set14", "barbara") in pair}
    assert near == (known.keys() | {frozenset(stereo)}) - cropped_far
    whole = [pair for pair, relation in known.items() if "crop" not in relation]
    assert len(whole) == 22 and max(distances[pair] for pair in whole) == 7
    assert min(distances[pair] for pair in distances.keys() - near) == 85
