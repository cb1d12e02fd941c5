from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from image_builders import noise

from experiments.images import LIVE1, ImageError, ImageSet, StoredImage, open_set, split

LIVE1_TEST = {"caps", "dancers", "manfishing", "woman"}
LIVE1_VALIDATION = {"cemetry", "plane", "statue", "studentsculpture"}


def make_set(names, contents=None):
    """A set of tiny images; equal contents mean equal pixels."""
    contents = range(len(names)) if contents is None else contents
    originals = tuple(
        StoredImage.of(noise(2, 3, seed=content), name, Path(f"{name}.png"))
        for name, content in zip(names, contents, strict=True)
    )
    return ImageSet("set", Path("set"), originals)


def counts(splits):
    return Counter(splits.values())


def test_the_embedded_set_has_its_table():
    assert split(open_set(), seed=5) == {
        "astronaut": "train",
        "chelsea": "test",
        "coffee": "test",
        "motorcycle_left": "train",
        "motorcycle_right": "train",
    }


def check_live1(splits):
    assert {name for name in splits if splits[name] == "test"} == LIVE1_TEST
    assert {name for name in splits if splits[name] == "validation"} == LIVE1_VALIDATION
    assert counts(splits) == {"train": 21, "validation": 4, "test": 4}
    near = [f"sailing{number}" for number in range(1, 5)]
    near += ["ocean", "lighthouse", "lighthouse2", "rapids", "stream"]
    assert {splits[name] for name in near} == {"train"}


@pytest.mark.parametrize("seed", [0, 7])
def test_live1_is_split_by_scene(seed):
    check_live1(split(make_set(LIVE1), seed=seed))


def test_the_real_live1_is_split_by_scene(data_root):
    check_live1(split(open_set("live1")))


def test_a_part_of_live1_keeps_its_splits():
    splits = split(make_set(["bikes", "caps", "plane"]))
    assert splits == {"bikes": "train", "caps": "test", "plane": "validation"}


@pytest.mark.parametrize("names", [["bikes", "ocean", "parrots"], ["caps", "woman"]])
def test_a_part_of_live1_with_an_empty_split_is_split_by_seed(names):
    assert counts(split(make_set(names))) == {"train": len(names) - 1, "test": 1}


def test_live1_beside_other_images_is_no_longer_live1():
    splits = [split(make_set([*LIVE1, "mine"]), seed=seed) for seed in range(9)]
    assert any(part["caps"] != "test" for part in splits)


@pytest.mark.parametrize(
    ("count", "splits"),
    [
        (2, {"train": 1, "test": 1}),
        (7, {"train": 6, "test": 1}),
        (8, {"train": 6, "validation": 1, "test": 1}),
        (24, {"train": 18, "validation": 3, "test": 3}),
        (100, {"train": 76, "validation": 12, "test": 12}),
    ],
)
def test_an_eighth_is_tested_on_and_an_eighth_validated_on(count, splits):
    assert counts(split(make_set([f"p{index}" for index in range(count)]))) == splits


@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_equal_images_are_never_divided(data):
    count = data.draw(st.integers(2, 30))
    contents = data.draw(st.lists(st.integers(0, 5), min_size=count, max_size=count))
    names = [f"p{index}" for index in range(count)]
    image_set, seed = make_set(names, contents), data.draw(st.integers(0, 9))
    if len(set(contents)) < 2:
        with pytest.raises(ImageError):
            split(image_set, seed=seed)
        return
    splits = split(image_set, seed=seed)
    assert list(splits) == names
    assert {"train", "test"} <= set(splits.values())
    for content in set(contents):
        assert len({splits[f"p{i}"] for i, own in enumerate(contents) if own == content}) == 1


def test_order_does_not_matter_and_the_seed_does():
    names = [f"p{index}" for index in range(20)]
    contents = range(20)
    turned = split(make_set(names[::-1], contents[::-1]))
    assert turned == split(make_set(names, contents))
    assert len({tuple(split(make_set(names), seed=seed).values()) for seed in range(5)}) > 1


def test_the_seeded_split_is_the_same_for_ever():
    splits = split(make_set([f"kodim{index:02d}" for index in range(1, 25)]), seed=0)
    chosen = {part: [name for name in splits if splits[name] == part] for part in splits.values()}
    assert chosen["test"] == ["kodim02", "kodim06", "kodim22"]
    assert chosen["validation"] == ["kodim05", "kodim10", "kodim24"]


def test_the_real_kodak_has_the_seeded_split_of_its_names(data_root):
    originals = open_set(data_root / "kodak").originals
    assert split(ImageSet("kodak", data_root, originals)) == split(
        make_set([image.name for image in originals])
    )


@pytest.mark.parametrize("seed", range(4))
def test_versions_of_one_photograph_are_never_divided(seed):
    photographs = open_set().originals[:4]  # not both motorcycles
    versions = [
        StoredImage.of(pixels, f"{number}{photograph.name}")
        for photograph in photographs
        for number, pixels in enumerate(
            (photograph.pixels, photograph.pixels[::2, 1::2, ::-1], np.rot90(photograph.pixels))
        )
    ]
    splits = split(ImageSet("set", Path("set"), tuple(versions)), seed=seed)
    by_photograph = {
        photograph.name: {splits[f"{number}{photograph.name}"] for number in range(3)}
        for photograph in photographs
    }
    assert all(len(found) == 1 for found in by_photograph.values())
    assert counts(splits) == {"train": 9, "test": 3}


def test_images_that_a_third_one_links_are_one_scene(monkeypatch):
    links = [(1, 2), (4, 3), (3, 2), (5, 6)]
    monkeypatch.setattr("experiments.images.overlap._relations", lambda *_: links)
    for seed in range(9):
        splits = split(make_set([f"p{index}" for index in range(8)]), seed=seed)
        assert len({splits[f"p{index}"] for index in (1, 2, 3, 4)}) == 1
        assert splits["p5"] == splits["p6"]
        assert {"train", "test"} == set(splits.values())


def test_names_of_live1_do_not_divide_one_photograph():
    images = make_set(["house", "woman", "ocean", "parrots"], [1, 1, 2, 3])
    splits = split(images)
    assert splits["house"] == splits["woman"]
    assert {"train", "test"} <= set(splits.values())


@pytest.mark.parametrize(
    ("contents", "count"),
    [
        ([], "0 distinct image"),
        ([1], "1 distinct image"),
        ([1, 1, 1], "1 distinct image among 3 (versions of one photograph count once)"),
    ],
)
def test_less_than_two_distinct_images_are_refused(contents, count):
    image_set = make_set([f"p{index}" for index in range(len(contents))], contents)
    with pytest.raises(ImageError) as caught:
        split(image_set)
    assert str(caught.value) == (f"set: {count}, but a split needs one to train and one to test on")


def test_images_of_equal_bytes_but_another_shape_are_distinct():
    pixels = np.zeros((2, 3, 3), np.uint8)
    originals = (
        StoredImage.of(pixels, "a"),
        StoredImage.of(pixels.reshape(3, 2, 3), "b"),
    )
    splits = split(ImageSet("set", Path("set"), originals))
    assert set(splits.values()) == {"train", "test"}
