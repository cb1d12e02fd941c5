import pickle
import unicodedata
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import skimage
from image_builders import encode, noise, smooth
from skimage import data

from experiments.images import (
    LIVE1,
    ImageError,
    canonical_name,
    embedded_images,
    jpeg_for,
    jpeg_version,
    locate,
    open_set,
    read_image,
    sets,
    store,
    write_png,
)
from experiments.images.store import Store


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch, request):
    """Work in an empty folder, so that sentences are short; without named sets."""
    monkeypatch.chdir(tmp_path)
    if "data_root" not in request.fixturenames:
        monkeypatch.delenv("FNNET_DATA", raising=False)


def fill(folder, names, height=16, width=24):
    """Write an image for each file name, each with pixels of its own."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    for index, name in enumerate(names):
        form = {"bmp": "BMP", "png": "PNG", "tif": "TIFF"}[name.rsplit(".", 1)[1].lower()]
        content = encode(noise(height, width, seed=hash_of(name, index)), form)
        Path(folder, name).write_bytes(content)


def hash_of(name, index):
    return sum(name.encode()) * 100 + index


def fault(call, *args):
    with pytest.raises(ImageError) as caught:
        call(*args)
    return str(caught.value)


def names(image_set):
    return [image.name for image in image_set.originals]


# Names and places.


def test_live1_has_29_names_and_one_alias():
    assert len(LIVE1) == len(set(LIVE1)) == 29
    assert list(LIVE1) == sorted(LIVE1)
    assert canonical_name("lighthouse3") == "lighthouse"
    assert canonical_name("Womanhat") == "womanhat"
    assert [canonical_name(name) for name in LIVE1] == list(LIVE1)
    assert canonical_name("MyPhoto3") == "MyPhoto3"


def test_a_folder_wins_over_a_named_set(monkeypatch):
    Path("root/live1").mkdir(parents=True)
    monkeypatch.setenv("FNNET_DATA", "root")
    assert locate("live1") == Path("root/live1")
    Path("live1").mkdir()
    assert locate("live1") == Path("live1")


def test_a_set_that_is_nowhere_is_told_with_what_there_is(monkeypatch):
    assert fault(locate, "live1") == (
        "live1: no such folder, and FNNET_DATA, which would name the folder of named sets, is "
        "not set"
    )
    monkeypatch.setenv("FNNET_DATA", "root")
    assert fault(locate, "live1") == "live1: no such folder, and FNNET_DATA=root is no folder"
    Path("root").mkdir()
    assert fault(locate, "live1") == (
        "live1: neither a folder nor a set in FNNET_DATA=root, which has none"
    )
    for name in ("kodak", "live1", ".hidden"):
        Path("root", name).mkdir()
    assert fault(locate, "live2") == (
        "live2: neither a folder nor a set in FNNET_DATA=root, which has kodak, live1; "
        "did you mean live1?"
    )
    assert fault(locate, "zzz") == (
        "zzz: neither a folder nor a set in FNNET_DATA=root, which has kodak, live1"
    )
    Path("a.png").touch()
    assert fault(locate, "a.png") == "a.png: a file, not a folder of images"
    assert fault(locate, "") == "'': an empty name is neither a folder nor a set"


# The embedded set.


def test_the_embedded_set_is_the_default():
    image_set = open_set(None)
    assert image_set.name == "embedded"
    assert image_set.folder is None
    assert names(image_set) == [
        *("astronaut", "chelsea", "coffee", "motorcycle_left", "motorcycle_right")
    ]
    assert image_set.versions == ()
    assert image_set.notices == ()
    for image in image_set.originals:
        assert image.pixels.ndim == 3
        assert not image.is_grey


def test_a_scikit_image_without_a_photograph_is_named():
    assert fault(embedded_images, "wheel") == (
        f"wheel/astronaut.png: not in scikit-image {skimage.__version__}; "
        "its releases 0.25 and 0.26 have it"
    )


# A plain folder.


@pytest.mark.parametrize("place", ["set", "set/originals", "set/inner", "set/inner/originals"])
def test_a_plain_folder_is_read_wherever_it_lies(place):
    fill(place, ["b.png", "a.bmp", "c.tif"])
    image_set = open_set("set")
    assert image_set.name == "set"
    assert image_set.folder == Path("set")
    assert names(image_set) == ["a", "b", "c"]
    assert image_set.versions == ()
    for image in image_set.originals:
        assert np.array_equal(image.pixels, read_image(image.path).pixels)


LOOKED_FOR = (
    "set: looked for images here or in originals; refimgs beside qf10, qf20 ..., color/qf_10 "
    "... or jpeg/img1 ...; images beside lr_10 ... or beside img1 ... and jpeginfo.txt; "
    "original beside compressed/NAME_0_5838 ...; found "
)


def test_what_is_no_set_is_told_with_what_was_found():
    Path("set").mkdir()
    assert fault(open_set, "set") == f"{LOOKED_FOR}nothing"
    for name in "abcdefghij":
        Path("set", name).mkdir()
    assert fault(open_set, "set") == f"{LOOKED_FOR}a, b, c, d, e, f, g, h and 2 more"
    fill("set/a/b/c", ["a.png"])
    assert fault(open_set, "set") == f"{LOOKED_FOR}a, b, c, d, e, f, g, h and 2 more"


def test_a_folder_of_several_sets_is_refused_with_their_names():
    fill("set/2025", ["a.png"])
    fill("set/deep/2026", ["a.png"])
    assert fault(open_set, "set") == ("set: holds several sets (2025, deep/2026); name one of them")


def test_every_damaged_original_is_named_and_counted():
    fill("set", ["a.png", "b.png", "c.png"])
    Path("set/b.png").write_bytes(b"")
    one = "set/b.png: empty, not an image that fnnet reads (PNG, JPEG, BMP, TIFF, WebP, PPM)"
    assert fault(open_set, "set") == one
    Path("set/c.png").write_bytes(b"")
    both = f"{one}; {one.replace('b.png', 'c.png')}"
    assert fault(open_set, "set") == f"set: 2 of 3 images cannot be read: {both}"
    image_set = open_set("set", skip_damaged=True)
    assert names(image_set) == ["a"]
    assert image_set.notices == (one, one.replace("b.png", "c.png"))
    Path("set/a.png").write_bytes(b"")
    with pytest.raises(ImageError, match="3 of 3 images cannot be read"):
        open_set("set", skip_damaged=True)


def test_the_alias_of_live1_is_resolved_unless_both_are_there():
    fill("set", ["lighthouse3.bmp", "bikes.bmp", "lighthouse2.bmp"])
    assert names(open_set("set")) == ["bikes", "lighthouse", "lighthouse2"]
    fill("set", ["lighthouse.bmp"])
    assert names(open_set("set")) == ["bikes", "lighthouse", "lighthouse2", "lighthouse3"]


def test_notices_of_images_are_notices_of_the_set():
    fill("set", ["a.png"])
    Path("set/b.png").write_bytes(encode(noise(channels=4), "PNG"))
    assert open_set("set").notices == ("set/b.png: partly transparent, laid over white",)


def test_one_bad_image_stops_the_set_by_name():
    fill("set", ["a.png", "b.png"])
    Path("set/b.png").write_bytes(b"?")
    assert fault(open_set, "set") == (
        "set/b.png: not an image that fnnet reads (PNG, JPEG, BMP, TIFF, WebP, PPM)"
    )


# Originals beside their versions.


def course(folder="set", originals=("b.bmp", "a.bmp"), qualities=(10, 90)):
    """Lay out refimgs and qfNN with true JPEG versions under the same names."""
    fill(f"{folder}/refimgs", originals)
    for quality in qualities:
        Path(folder, f"qf{quality}").mkdir()
        for name in originals:
            pixels = read_image(f"{folder}/refimgs/{name}").pixels
            decoded, _ = jpeg_version(pixels, quality)
            Path(folder, f"qf{quality}", name).write_bytes(encode(decoded, "BMP"))
    return folder


@pytest.mark.parametrize("folder", ["set", "set/inner"])
def test_versions_are_paired_by_name(folder):
    course(folder)
    image_set = open_set("set")
    assert names(image_set) == ["a", "b"]
    assert list(image_set.qualities) == [10, 90]
    for quality in (10, 90):
        for image in image_set.originals:
            pixels, size = jpeg_for(image_set, image, quality)
            assert np.array_equal(pixels, jpeg_version(image.pixels, quality)[0])
            assert size is None


def test_pairs_do_not_follow_positions():
    # The alias stands at another place in the list than the name that it means.
    course(originals=("lighthouse2.bmp", "lighthouse.bmp", "house.bmp"), qualities=[10])
    Path("set/qf10/lighthouse.bmp").rename("set/qf10/lighthouse3.bmp")
    image_set = open_set("set")
    assert names(image_set) == ["house", "lighthouse", "lighthouse2"]
    for image in image_set.originals:
        pixels, _ = jpeg_for(image_set, image, 10)
        assert np.array_equal(pixels, jpeg_version(image.pixels, 10)[0])


def test_a_quality_that_the_set_lacks_is_made():
    course(qualities=[10])
    image_set = open_set("set")
    image = image_set.originals[0]
    pixels, size = jpeg_for(image_set, image, 20)
    expected, expected_size = jpeg_version(image.pixels, 20)
    assert np.array_equal(pixels, expected)
    assert size == expected_size


def test_names_in_another_case_are_the_same_folders_and_images():
    course(qualities=[10])
    Path("set/refimgs").rename("set/RefImgs")
    Path("set/qf10").rename("set/QF10")
    Path("set/QF10/a.bmp").rename("set/QF10/A.BMP")
    image_set = open_set("set")
    pixels, _ = jpeg_for(image_set, image_set.originals[0], 10)
    assert np.array_equal(pixels, jpeg_version(image_set.originals[0].pixels, 10)[0])


def test_a_partner_that_is_a_jpeg_file_has_its_size():
    course(qualities=[10])
    image_set = open_set("set")
    image = image_set.originals[0]
    content = encode(image.pixels, "JPEG", quality=10)
    Path("set/qf10/a.bmp").unlink()
    Path("set/qf10/a.jpg").write_bytes(content)
    pixels, size = jpeg_for(open_set("set"), image, 10)
    assert size == len(content)
    assert np.array_equal(pixels, jpeg_version(image.pixels, 10)[0])


def test_missing_and_surplus_partners_are_named_when_their_quality_is_used():
    course()
    Path("set/qf90/a.bmp").rename("set/qf90/z.bmp")
    image_set = open_set("set")
    assert fault(jpeg_for, image_set, image_set.originals[1], 90) == (
        "set: qf90 has no partner of 1 of 2 originals (a) and 1 images without an original (z)"
    )
    jpeg_for(image_set, image_set.originals[1], 10)
    Path("set/qf90/z.bmp").rename("set/qf90/a.bmp")
    fill("set/qf90", ["extra.png"])
    image_set = open_set("set")
    assert fault(jpeg_for, image_set, image_set.originals[0], 90) == (
        "set: qf90 has 1 images without an original (extra)"
    )
    for name in ("a.bmp", "b.bmp", "extra.png"):
        Path("set/qf90", name).unlink()
    image_set = open_set("set")
    assert fault(jpeg_for, image_set, image_set.originals[0], 90) == (
        "set: qf90 has no partner of 2 of 2 originals (a, b)"
    )


def test_a_partner_of_another_size_is_refused():
    course(qualities=[10])
    write_png("set/qf10/a.png", smooth(24, 16))
    Path("set/qf10/a.bmp").unlink()
    image_set = open_set("set")
    assert fault(jpeg_for, image_set, image_set.originals[0], 10) == (
        "set/qf10/a.png: 16x24 pixels, but its original set/refimgs/a.bmp has 24x16"
    )


def test_an_image_of_another_set_has_no_partner():
    course(qualities=[10])
    image_set = open_set("set")
    stranger = replace(image_set.originals[0], name="z", path=None)
    assert fault(jpeg_for, image_set, stranger, 10) == "z: not in the set set"


def test_two_partners_of_one_name_are_refused():
    course(qualities=[10])
    fill("set/qf10", ["a.png"])
    assert fault(open_set, "set") == ("set/qf10: a.bmp and a.png share one name; keep one of them")


def test_folders_of_impossible_or_doubled_quality_are_refused():
    course(qualities=[10])
    Path("set/qf101").mkdir()
    assert fault(open_set, "set") == "set/qf101: a JPEG quality is from 1 to 100"
    Path("set/qf101").rename("set/qf010")
    assert fault(open_set, "set") == "set: qf010 and qf10 are one quality; keep one"


def test_images_beside_the_originals_are_left_out_with_a_notice():
    course(qualities=[10])
    fill("set", ["loose.png"])
    image_set = open_set("set")
    assert names(image_set) == ["a", "b"]
    assert image_set.notices == (
        "set: images that are no part of the set are left out (loose.png)",
    )


def test_a_grey_original_is_compressed_as_one_channel():
    Path("set").mkdir()
    grey = smooth()[..., 0]
    write_png("set/a.png", grey)
    image_set = open_set("set")
    pixels, size = jpeg_for(image_set, image_set.originals[0], 10)
    plane, expected_size = jpeg_version(grey, 10)
    assert np.array_equal(pixels, np.stack([plane] * 3, axis=-1))
    assert size == expected_size


@pytest.mark.parametrize(
    ("originals", "opened", "folder"),
    [
        ("refimgs", "set", "qf_{}"),
        ("refimgs", "set", "color/QF_{}"),
        ("refimgs", "set/color", "color/qf_{}"),
        ("refimgs-gray", "set", "gray/qf_{}"),
        ("refimgs-gray", "set/gray", "gray/qf_{}"),
        ("", "set", "lr_{}"),
        ("originals", "set", "quality-{}"),
    ],
)
def test_the_forms_of_folders_by_quality(originals, opened, folder):
    fill(f"set/{originals}", ["b.bmp", "lighthouse3.bmp"])
    for quality in (10, 40):
        place = Path("set", folder.format(quality))
        place.mkdir(parents=True)
        for name, partner in (("b", "b.jpeg"), ("lighthouse3", "lighthouse.jpeg")):
            pixels = read_image(f"set/{originals}/{name}.bmp").pixels
            (place / partner).write_bytes(encode(pixels, "JPEG", quality=quality))
    image_set = open_set(opened)
    assert names(image_set) == ["b", "lighthouse"]
    assert image_set.layout == "originals beside a folder for each JPEG quality"
    assert [(v.original, v.quality) for v in image_set.versions] == [
        ("b", 10),
        ("lighthouse", 10),
        ("b", 40),
        ("lighthouse", 40),
    ]
    for image in image_set.originals:
        pixels, size = jpeg_for(image_set, image, 40)
        expected, expected_size = jpeg_version(image.pixels, 40)
        assert np.array_equal(pixels, expected)
        assert size == expected_size


def test_grey_versions_beside_colour_ones_are_left_out_with_the_way_to_them():
    for place in ("refimgs", "color/qf_10", "gray/qf_10"):
        fill(f"set/{place}", ["a.bmp"])
    assert open_set("set").notices == (
        "set/gray: grey versions are left out; name that folder for them",
    )
    assert fault(open_set, "set/gray") == (
        "set/gray: JPEG versions of 1 qualities, but no originals: looked for refimgs, originals, "
        "images beside them, and for grey ones refimgs-gray"
    )


def test_a_folder_by_the_name_of_a_point_is_the_one_that_it_is(monkeypatch):
    fill("set/refimgs", ["a.bmp"])
    fill("set/refimgs-gray", ["a.bmp"])
    fill("set/gray/qf_10", ["a.bmp"])
    monkeypatch.chdir("set/gray")
    (image,) = open_set(".").originals
    assert image.path.parent.name == "refimgs-gray"


def test_what_a_plain_folder_leaves_out_is_told():
    fill("set", ["a.png"])
    fill("set/LIVE1", ["b.png"])
    Path("set/c.gif").touch()
    Path("set/empty").mkdir()
    assert open_set("set").notices == (
        "set: folders of images beside these are left out (LIVE1)",
        "set: files of kinds that are not read are left out (c.gif)",
    )


@pytest.mark.parametrize("name", ["a\nerror: b.png", "caf\udce9.png", "\x1b[2Jx.png"])
def test_names_that_cannot_be_shown_are_refused(name):
    fill("set", ["a.png"])
    Path("set/a.png").rename(Path("set", name))
    assert fault(open_set, "set") == (f"set: the name {name!a} cannot be shown; rename it")


def test_an_accent_written_in_two_ways_is_one_name():
    course(originals=(unicodedata.normalize("NFD", "café.bmp"),), qualities=[10])
    old = next(Path("set/qf10").iterdir())
    old.rename(old.with_name(unicodedata.normalize("NFC", old.name)))
    image_set = open_set("set")
    assert names(image_set) == ["caf\u00e9"]
    jpeg_for(image_set, image_set.originals[0], 10)


def test_names_that_are_no_folder_are_told():
    assert fault(locate, "~nobody-x/foo").startswith("~nobody-x/foo: no such folder (")
    assert "no such folder" in fault(locate, "x" * 5000)


def test_a_rate_in_the_name_is_read():
    fill("set/original", ["a_b.bmp", "house.bmp"])
    fill("set/compressed", ["a_b_0_5838.bmp", "House_1_25.bmp", "a_b_2_0.bmp", "a_b.bmp"])
    fill("set/compressed", ["boat_0_1.bmp"])
    image_set = open_set("set")
    assert [(v.original, v.bits_per_pixel) for v in image_set.versions] == [
        ("house", 1.25),
        ("a_b", 0.5838),
        ("a_b", 2.0),
    ]
    assert image_set.notices == (
        "set/compressed: 2 images are not named by an original and a rate, as NAME_0_5838 "
        "(a_b.bmp, boat_0_1.bmp); left out",
    )


def test_an_image_that_is_another_than_its_name_says_is_refused():
    scenes = {"a": data.astronaut()[:128, 128:320], "b": data.coffee()[:128, :192]}
    for place in ("refimgs", "qf10"):
        Path("set", place).mkdir(parents=True)
    for (name, pixels), partner in zip(scenes.items(), "ba", strict=True):
        write_png(f"set/refimgs/{name}.png", pixels)
        write_png(f"set/qf10/{partner}.png", jpeg_version(pixels, 10)[0])
    image_set = open_set("set")
    assert fault(jpeg_for, image_set, image_set.originals[0], 10) == (
        "set/qf10/a.png: shows b, not a, of which it is said to be a version"
    )


# Memory.


def test_images_that_left_memory_are_read_again(monkeypatch):
    fill("set", ["a.png", "b.png", "c.png"])
    monkeypatch.setattr(sets, "Store", lambda: Store(16 * 24 * 3))
    image_set = open_set("set")
    read = []
    monkeypatch.setattr(store, "read_image", lambda p: read.append(p) or read_image(p))
    a, b, c = image_set.originals
    assert c.pixels is not None and not read.clear()
    for image in (a, a, b, a):
        expected = read_image(image.path)
        assert np.array_equal(image.pixels, expected.pixels)
        assert image.sha256 == expected.sha256
    assert [path.name for path in read] == ["a.png", "b.png", "a.png"]  # one fits in
    write_png(b.path, smooth(16, 24))
    assert fault(lambda: b.pixels) == "set/b.png: was changed while it was in use"


def test_an_image_goes_to_another_process_with_its_pixels():
    fill("set", ["a.png"])
    (image,) = open_set("set").originals
    copy = pickle.loads(pickle.dumps(image))
    Path("set/a.png").unlink()
    assert np.array_equal(copy.pixels, image.pixels)
    for name in ("name", "path", "shape", "sha256", "fingerprint", "is_grey", "notices"):
        assert getattr(copy, name) == getattr(image, name)


# Real sets.


def test_live1_opens_by_its_name(data_root):
    image_set = open_set("live1")
    assert names(image_set) == list(LIVE1)
    assert image_set.name == "live1"
    assert image_set.versions == ()
    assert image_set.notices == ()


def test_live1_in_the_course_form_is_found_whole(data_root):
    source = open_set("live1")
    Path("course/refimgs").mkdir(parents=True)
    Path("course/qf10").mkdir()
    for image in source.originals:
        name = "lighthouse3" if image.name == "lighthouse" else image.name
        Path(f"course/refimgs/{name}.bmp").write_bytes(encode(image.pixels, "BMP"))
        decoded, _ = jpeg_version(image.pixels, 10)
        Path(f"course/qf10/{image.name}.bmp").write_bytes(encode(decoded, "BMP"))
    image_set = open_set("course")
    assert names(image_set) == list(LIVE1)
    for image in image_set.originals:
        pixels, _ = jpeg_for(image_set, image, 10)
        assert np.array_equal(pixels, jpeg_version(image.pixels, 10)[0])
