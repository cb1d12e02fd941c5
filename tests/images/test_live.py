"""LIVE1 as its releases hand it out: numbered images, lists, score files."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
from image_builders import encode, release_1, release_2, smooth
from scipy.io import savemat
from skimage import data

from experiments.images import ImageError, jpeg_version, open_set, read_image
from experiments.images.live_metadata import read_dmos, read_list, read_raw_scores

SCENES = {
    "bikes": data.astronaut()[:160, 100:340],
    "house": data.coffee()[100:260, 100:340],
    "lighthouse": data.chelsea()[:240, 150:310],
}
COMPRESSED = {
    7: ("bikes", SCENES["bikes"], 10),
    30: ("house", SCENES["house"], 0),
    31: ("house", SCENES["house"], 3),
    100: ("lighthouse", SCENES["lighthouse"], 80),
    233: ("bikes", SCENES["bikes"], 1),
}
ORIGINAL_OF = {number: name for number, (name, _, _) in COMPRESSED.items()}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch, request):
    monkeypatch.chdir(tmp_path)
    if "data_root" not in request.fixturenames:
        monkeypatch.delenv("FNNET_DATA", raising=False)


@pytest.fixture
def release(tmp_path):
    release_2(tmp_path / "release", COMPRESSED, scores=np.arange(982.0))
    return tmp_path / "release"


def fault(call, *args):
    with pytest.raises(ImageError) as caught:
        call(*args)
    return str(caught.value)


def numbers(image_set):
    return {int(version.path.stem[3:]): version for version in image_set.versions}


def test_release_2_is_told_by_what_is_in_it(release):
    image_set = open_set(release)
    assert image_set.layout == "LIVE release 2"
    assert [image.name for image in image_set.originals] == ["bikes", "house", "lighthouse"]
    assert image_set.notices == ()
    assert not image_set.qualities
    assert image_set.score_name == "DMOS, realigned"
    found = numbers(image_set)
    assert {number: version.original for number, version in found.items()} == ORIGINAL_OF
    for number, (name, pixels, quality) in COMPRESSED.items():
        version = found[number]
        assert version.quality is None
        assert version.is_lossless == (quality == 0)
        assert version.score == 226 + number
        read = image_set.read_version(version)
        assert read.name == name
        if quality:
            decoded, size = jpeg_version(pixels, quality)
            assert np.array_equal(read.pixels, decoded)
            assert version.bits_per_pixel == pytest.approx(8 * size / pixels[..., 0].size, abs=1e-5)
        else:
            assert np.array_equal(read.pixels, pixels)
            assert version.bits_per_pixel is None


def test_without_a_realigned_file_the_released_scores_are_taken(release):
    (release / "dmos_realigned.mat").unlink()
    image_set = open_set(release)
    assert image_set.score_name == "DMOS"
    assert numbers(image_set)[7].score == (226 + 7) / 2
    (release / "dmos.mat").unlink()
    image_set = open_set(release)
    assert image_set.score_name == ""
    assert {version.score for version in image_set.versions} == {None}


@pytest.mark.parametrize("empty", [False, True])
@pytest.mark.parametrize("gone", [["info.txt"], ["info.txt", "refnames_all.mat"]])
def test_without_its_list_versions_are_paired_by_names_or_by_likeness(release, gone, empty):
    for name in gone:
        next(release.rglob(name)).unlink()
    if empty:
        (release / "jpeg/info.txt").touch()
    image_set = open_set(release)
    found = numbers(image_set)
    assert {number: version.original for number, version in found.items()} == ORIGINAL_OF
    assert {version.bits_per_pixel for version in image_set.versions} == {None}
    assert {version.is_lossless for version in image_set.versions} == {None}
    alike = f"{release}: no list names the originals of its 5 versions; matched by similarity: 5"
    assert image_set.notices == ((alike,) if len(gone) == 2 else ())


def test_what_resembles_no_original_is_left_out_by_name(release):
    (release / "jpeg/info.txt").unlink()
    (release / "refnames_all.mat").unlink()
    stranger = release / "jpeg/img31.bmp"
    stranger.write_bytes(encode(data.coffee()[240:400, 360:600], "BMP"))
    image_set = open_set(release)
    assert sorted(numbers(image_set)) == [7, 30, 100, 233]
    assert image_set.notices == (
        f"{release}: no list names the originals of its 5 versions; matched by similarity: 4",
        f"{stranger}: resembles no original; left out",
    )


def test_names_in_capitals_crlf_and_foreign_files_change_nothing(release):
    (release / "refimgs").rename(release / "REFIMGS")
    (release / "jpeg").rename(release / "JPEG")
    info = release / "JPEG/info.txt"
    lines = info.read_text().upper().splitlines()
    lines[0] = "refimgs\\" + lines[0].lower().replace(" ", "\t")
    info.write_bytes(b"\xef\xbb\xbf" + "\r\n\r\n".join(lines).encode() + b"\r\n")
    info.rename(release / "JPEG/INFO.TXT")
    for path in [*(release / "JPEG").glob("*.bmp"), *(release / "REFIMGS").iterdir()]:
        path.rename(path.with_name(path.name.upper()))
    for place in ("", "JPEG", "REFIMGS"):
        (release / place / "Thumbs.db").write_bytes(b"\xd0\xcf")
        (release / place / ".DS_Store").touch()
    image_set = open_set(release)
    found = {n: version.original for n, version in numbers(image_set).items()}
    assert found == ORIGINAL_OF
    assert image_set.notices == ()


def test_the_alias_of_lighthouse_is_paired(release):
    (release / "refimgs/lighthouse.bmp").rename(release / "refimgs/lighthouse3.bmp")
    assert numbers(open_set(release))[100].original == "lighthouse"


def test_a_list_that_does_not_fit_the_folder_is_told_and_the_rest_is_used(release):
    jpeg = release / "jpeg"
    with open(jpeg / "info.txt", "a") as file:
        file.write("bikes.bmp img200.bmp 0.5\nboat.bmp img31.bmp 0.5\nnonsense\n")
        file.write("bikes.bmp img9.bmp -1\nbikes.bmp img10.bmp nan\n")
    lines = [line for line in (jpeg / "info.txt").read_text().splitlines() if "img30." not in line]
    (jpeg / "info.txt").write_text("\n".join(lines).replace("house.bmp img31", "hut.bmp img31"))
    (jpeg / "img100.bmp").unlink()
    image_set = open_set(release)
    assert sorted(numbers(image_set)) == [7, 233]
    assert image_set.notices == (
        f"{jpeg}/info.txt: 3 lines are not '<original> <image> <bits per pixel>' and are left "
        "out (line 7, 8, 9)",
        f"{jpeg}/info.txt: has two different lines for img31; left out",
        f"{jpeg}: 2 images are not in the list (img30.bmp, img31.bmp); left out",
        f"{jpeg}: 2 images of the list are missing (img100, img200); left out",
    )
    (jpeg / "info.txt").write_text("boat.bmp img7.bmp 0.5\n")
    assert f"{jpeg}: 1 images have an original that is missing (img7.bmp); left out" in (
        open_set(release).notices
    )


def test_a_wrong_line_never_makes_a_wrong_pair(release):
    info = release / "jpeg/info.txt"
    info.write_text(info.read_text().replace("house.bmp img31", "bikes.bmp img31"))
    image_set = open_set(release)
    version = numbers(image_set)[31]
    assert fault(image_set.read_version, version) == (
        f"{release}/jpeg/img31.bmp: shows house, not bikes, of which it is said to be a version"
    )
    info.write_text(info.read_text().replace("house.bmp img30", "lighthouse.bmp img30"))
    image_set = open_set(release)
    assert fault(image_set.read_version, numbers(image_set)[30]) == (
        f"{release}/jpeg/img30.bmp: 240x160 pixels, but its original "
        f"{release}/refimgs/lighthouse.bmp has 160x240"
    )


def test_release_1_lies_in_one_folder(tmp_path):
    release_1(tmp_path / "jpeg", COMPRESSED, raw="img7.bmp 10 0 30\nIMG233.bmp\t1\t2\n")
    image_set = open_set("jpeg")
    assert image_set.layout == "LIVE release 1, JPEG"
    assert [image.name for image in image_set.originals] == ["bikes", "house", "lighthouse"]
    found = numbers(image_set)
    assert {number: version.original for number, version in found.items()} == ORIGINAL_OF
    assert image_set.score_name == "mean raw opinion score"
    assert [found[n].score for n in (7, 30, 233)] == [20, None, 1.5]
    assert [found[n].is_lossless for n in (7, 30)] == [False, True]
    Path("jpeg/jpeginfo.txt").unlink()
    found = numbers(open_set("jpeg"))
    assert {number: version.original for number, version in found.items()} == ORIGINAL_OF


def test_a_camera_s_img1_is_an_image_like_any_other(tmp_path):
    Path("photos").mkdir()
    for name in ("img1", "img2", "cat"):
        Path(f"photos/{name}.bmp").write_bytes(encode(smooth(), "BMP"))
    Path("photos/info.txt").write_bytes("taken in March, at Käthe's\n".encode("latin-1"))
    image_set = open_set("photos")
    assert [image.name for image in image_set.originals] == ["cat", "img1", "img2"]
    assert image_set.versions == ()


def test_images_that_are_no_part_of_a_release_are_left_out_by_name(release):
    for path in ("cover.bmp", "jpeg/cover.bmp"):
        shutil.copy(release / "refimgs/bikes.bmp", release / path)
    image_set = open_set(release)
    assert len(image_set.originals) == 3
    assert image_set.notices == tuple(
        f"{place}: images that are no part of the set are left out (cover.bmp)"
        for place in (release / "jpeg", release)
    )


def test_a_stray_image_does_not_make_versions_of_release_1_originals(tmp_path):
    release_1(tmp_path / "jpeg", COMPRESSED)
    Path("jpeg/jpeginfo.txt").unlink()
    shutil.copy("jpeg/house.bmp", "jpeg/thumb.bmp")
    image_set = open_set("jpeg")
    assert [image.name for image in image_set.originals] == ["bikes", "house", "lighthouse"]
    assert numbers(image_set).keys() == COMPRESSED.keys()
    assert any("are left out (thumb.bmp)" in notice for notice in image_set.notices)


def test_compressed_images_alone_are_no_set(release):
    assert fault(open_set, release / "jpeg") == (
        f"{release}/jpeg: LIVE's compressed images without their originals; name the folder "
        "that holds both"
    )


@pytest.mark.parametrize("inner", ["databaserelease2", "a/b"])
def test_a_release_may_lie_deeper(release, inner):
    place = Path("outer", inner)
    place.parent.mkdir(parents=True)
    release.rename(place)
    Path("outer/readme.txt").touch()
    Path("outer/__MACOSX/jpeg").mkdir(parents=True)
    assert numbers(open_set("outer")).keys() == COMPRESSED.keys()


def test_two_images_of_one_number_are_refused(release):
    shutil.copy(release / "jpeg/img7.bmp", release / "jpeg/img07.bmp")
    assert fault(open_set, release) == (
        f"{release}/jpeg: img07.bmp and img7.bmp share one number; keep one"
    )


# Its files.


@pytest.mark.parametrize("content", [b"", b"MATLAB 5.0", bytes(range(256)) * 4])
def test_a_damaged_score_file_is_named_and_the_other_is_taken(release, content):
    path = release / "dmos_realigned.mat"
    path.write_bytes(content)
    image_set = open_set(release)
    assert image_set.notices == (f"{path}: cannot be read as a MATLAB file; left out",)
    assert image_set.score_name == "DMOS"


@pytest.mark.parametrize(
    "values", [{"dmos": np.zeros(982)}, {"dmos_new": np.zeros(981)}, {"dmos_new": "abc"}]
)
def test_a_score_file_of_another_kind_is_named(tmp_path, values):
    savemat("dmos_realigned.mat", values)
    assert fault(read_dmos, tmp_path / "dmos_realigned.mat") == (
        f"{tmp_path}/dmos_realigned.mat: has no dmos_new of 982 values"
    )


def test_missing_scores_stay_missing(tmp_path):
    scores = np.arange(982.0)
    scores[227] = np.nan
    savemat("dmos_realigned.mat", {"dmos_new": scores})
    found, _ = read_dmos(tmp_path / "dmos_realigned.mat")
    assert sorted(found) == list(range(2, 234))
    assert found[2] == 228


def test_lines_of_scores_of_another_form_are_counted(tmp_path):
    path = tmp_path / "subjectscores1.txt"
    lines = ["img2.bmp 1 2", "", "img1.bmp 10 x", "10 20", "img3.bmp nan 3", "img2.bmp 9"]
    path.write_text("\n".join([*lines, "img4.bmp inf", "img5.bmp 0 0", "img6.bmp 4"]))
    assert read_raw_scores(path) == (
        {2: 1.5, 6: 4},
        [
            f"{path}: 5 lines are not 'imgN.bmp score score ...', each N once, and are left out "
            "(line 3, 4, 5, 6, 7)"
        ],
    )


def test_a_list_that_is_no_text_is_named(tmp_path):
    Path("info.txt").write_bytes(b"\xff\xfe\x00\x01")
    assert fault(read_list, tmp_path / "info.txt") == f"{tmp_path}/info.txt: is not text"


@pytest.mark.slow
def test_the_whole_release_is_rebuilt_and_read(tmp_path, data_root):
    originals = {image.name: image.pixels for image in open_set("live1").originals}
    with open(data_root / "live1/meta/live_r2.tsv") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    jpeg = {i: row for i, row in enumerate(rows[227:460], 1)}
    compressed = {
        i: (row["reference"][:-4], originals[row["reference"][:-4]], int(row["jpeg_quality"] or 0))
        for i, row in jpeg.items()
    }
    scores = np.array([float(row["dmos_realigned"]) for row in rows])
    release_2(tmp_path / "live/databaserelease2", compressed, scores)
    shutil.copy(
        data_root / "live1/meta/jpeg_info_rebuilt.txt",
        tmp_path / "live/databaserelease2/jpeg/info.txt",
    )
    image_set = open_set(tmp_path / "live")
    assert image_set.notices == ()
    assert (len(image_set.originals), len(image_set.versions)) == (29, 233)
    assert sum(version.is_lossless for version in image_set.versions) == 58
    for number, version in numbers(image_set).items():
        row = jpeg[number]
        assert version.original == row["reference"][:-4]
        assert version.is_lossless == (row["orgs"] == "1")
        assert version.score == float(row["dmos_realigned"])
        image_set.read_version(version)
    # Without any list, likeness finds all 233.
    next((tmp_path / "live").rglob("info.txt")).unlink()
    next((tmp_path / "live").rglob("refnames_all.mat")).unlink()
    alone = numbers(open_set(tmp_path / "live"))
    assert {n: v.original for n, v in alone.items()} == {
        n: row["reference"][:-4] for n, row in jpeg.items()
    }
    # The real release's images are those that this one was built with.
    with open(data_root / "live_jpeg_sample/sample.tsv") as file:
        sample = list(csv.DictReader(file, delimiter="\t"))
    for row in sample:
        real = read_image(data_root / "live_jpeg_sample" / row["file"])
        for name in row["release2_names"].split(","):
            built = read_image(tmp_path / "live/databaserelease2" / name)
            assert np.array_equal(real.pixels, built.pixels)
