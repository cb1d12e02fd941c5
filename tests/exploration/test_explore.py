"""Exploring a set, as a person meets it: tables, files, figures, and what bad input gets."""

import csv
import io
import re
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from image_builders import encode, smooth
from PIL import Image
from rich.console import Console
from skimage import data

from experiments import explore
from experiments.cli.progress import map_with_progress
from experiments.exploration import figures, findings, report
from experiments.images import (
    ImageError,
    ImageSet,
    Version,
    jpeg_version,
    open_set,
    read_image,
)
from experiments.system.folders import new_folder

QUALITIES = (10, 40)


@pytest.fixture(autouse=True)
def two_qualities(monkeypatch):
    """Make JPEG versions at two qualities only: nine take their time."""
    monkeypatch.setattr(findings, "QUALITIES", QUALITIES)


@pytest.fixture
def command(run, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    return partial(run, "explore")


def photographs():
    """Three parts of photographs, busy, smooth, and grey."""
    return {
        "cup": data.coffee()[100:292, 200:456],
        "face": data.astronaut()[40:200, 140:332],
        "grey": data.camera()[100:228, 100:260],
    }


def write_originals(folder):
    folder.mkdir(parents=True)
    for name, pixels in photographs().items():
        Image.fromarray(pixels).save(folder / f"{name}.bmp")
    return folder


def read_tsv(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def scored_set(tmp_path, versions):
    """A set of the three parts with versions as named: file name to bytes and what is stated."""
    folder = write_originals(tmp_path / "refimgs")
    originals = open_set(folder).originals
    listed = []
    for name, (original, content, stated) in versions.items():
        (tmp_path / name).write_bytes(content)
        listed.append(Version(tmp_path / name, original, **stated))
    return ImageSet("live", tmp_path, originals, "LIVE release 2", tuple(listed), score_name="DMOS")


def bmp_of_jpeg(name, quality):
    return encode(jpeg_version(photographs()[name], quality)[0], "BMP")


def printed(exploration):
    text = io.StringIO()
    report.print_report(Console(file=text, width=120, highlight=False, markup=False), exploration)
    return text.getvalue()


@pytest.fixture
def live(tmp_path):
    """A small LIVE release 2: scores and rates, no qualities, a lossless copy, and faults."""
    parts = photographs()
    size = jpeg_version(parts["face"], 20)[1]
    rate = 8 * size / parts["face"][..., 0].size
    return scored_set(
        tmp_path,
        {
            "img1.bmp": ("cup", bmp_of_jpeg("cup", 5), {"score": 80.0}),
            "img2.bmp": ("face", bmp_of_jpeg("face", 20), {"score": 50.0, "bits_per_pixel": rate}),
            "img3.bmp": ("cup", bmp_of_jpeg("cup", 60), {"score": 20.0}),
            "img4.bmp": ("grey", encode(parts["grey"], "BMP"), {"score": 0.0}),
            "img5.bmp": ("grey", bmp_of_jpeg("grey", 30), {"score": 40.0}),
            "img6.bmp": ("cup", encode(parts["cup"] // 2, "BMP"), {}),
            "img7.bmp": ("cup", b"BM and no more", {}),
            "img8.bmp": ("cup", encode(parts["face"], "BMP"), {}),
            "img9.bmp": (None, encode(parts["face"], "BMP"), {}),
        },
    )


def test_all_that_is_promised_appears(command, tmp_path):
    folder = write_originals(tmp_path / "set")
    status, output, errors = command("--data", folder, "--out", tmp_path / "out")
    assert (status, errors) == (0, "")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        *("pictures.tsv", "jpeg.tsv", "contact_sheet.png", "histograms.png"),
        *("rate_distortion.png", "artefacts.png"),
    }
    for part in ("3: 2 in colour, 1 grey", "256x192", "highest", "made now of 3 images"):
        assert part in output
    for path in (tmp_path / "out").glob("*.png"):
        with Image.open(path) as image:
            image.load()
            assert min(image.size) > 200
    rows = read_tsv(tmp_path / "out" / "jpeg.tsv")
    assert [(row["picture"], row["quality"]) for row in rows] == [
        (name, str(quality)) for name in ("cup", "face", "grey") for quality in QUALITIES
    ]
    size = jpeg_version(photographs()["grey"], 10)[1]
    rate = 8 * size / (128 * 160)
    assert float(rows[4]["bits_per_pixel"]) == pytest.approx(rate, rel=1e-5)
    described = read_tsv(tmp_path / "out" / "pictures.tsv")
    assert described[2]["colorfulness"] == "0" and described[2]["is_grey"] == "True"
    assert {row["side"] for row in described} == {"train", "test"}


def test_the_default_folder_is_new_and_named_by_time_and_set(command, tmp_path, monkeypatch):
    monkeypatch.setattr(figures, "draw", lambda exploration: ())
    folder = write_originals(tmp_path / "holiday")
    for _ in range(2):
        status, output, _ = command("--data", folder)
        assert status == 0 and "runs" in output.splitlines()[-1]
    made = sorted(path.name for path in (tmp_path / "runs").iterdir())
    assert len(made) == 2 and all("-explore-holiday" in name for name in made)


def test_a_folder_that_holds_something_is_left_alone(command, tmp_path):
    folder = write_originals(tmp_path / "set")
    status, _, errors = command("--data", folder, "--out", folder)
    assert (status, errors) == (2, f"error: {folder}: is not empty; choose another --out\n")
    assert len(list(folder.iterdir())) == 3


def test_a_set_that_is_not_there_leaves_no_folder(command, tmp_path):
    status, _, errors = command("--data", tmp_path / "none", "--out", tmp_path / "out")
    assert status == 2 and errors.startswith(f"error: {tmp_path / 'none'}: ")
    assert not (tmp_path / "out").exists()


def test_one_image_is_a_set_without_splits(command, tmp_path):
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "only.png").write_bytes(encode(smooth(9, 12), "PNG"))
    status, output, errors = command("--data", folder, "--out", tmp_path / "out")
    assert (status, errors) == (0, "")
    assert not re.search("^split", output, re.MULTILINE)
    assert "12x9" in output and "–" in output
    assert "JPEG made now of 1 image:" in output
    assert "not looked for: no original has 256x256 pixels" in output
    assert (tmp_path / "out" / "histograms.png").exists()


def test_flat_tiny_and_long_images_are_measured_as_far_as_they_can_be(command, tmp_path):
    folder = tmp_path / "set"
    folder.mkdir()
    for name, pixels in {
        "flat": np.full((120, 100, 3), 128, np.uint8),
        "dot": np.full((1, 1, 3), 9, np.uint8),
        "white": np.full((260, 260), 255, np.uint8),
        "line_with_a_name_" + "x" * 90: np.zeros((3, 900, 3), np.uint8),
    }.items():
        (folder / f"{name}.png").write_bytes(encode(pixels, "PNG"))
    status, output, errors = command("--data", folder, "--out", tmp_path / "out")
    assert (status, errors) == (0, "")
    assert "1x1" in output and "900x3" in output and max(map(len, output.splitlines())) <= 150
    rows = read_tsv(tmp_path / "out" / "pictures.tsv")
    assert {row["noise_sigma"] for row in rows} == {"", "0"}
    assert [row["sharpness"] for row in rows] == [""] * 4
    image_set = open_set(folder)
    # In this thread: the command's own threads would not hear of the setting.
    with np.errstate(all="raise", divide="ignore"):  # a PSNR may be infinite
        for image in image_set.originals:
            assert findings.explore_image(image_set, image, (), QUALITIES).description


def test_qualities_are_found_and_stated_ones_checked(tmp_path):
    stated = {"quality": 10}
    cup, face = photographs()["cup"], photographs()["face"]
    exploration = explore.explore(
        scored_set(
            tmp_path,
            {
                "a.bmp": ("cup", bmp_of_jpeg("cup", 10), stated),
                "b.bmp": ("face", bmp_of_jpeg("face", 30), stated),
                "c.jpg": ("cup", encode(cup, "JPEG", quality=10, optimize=True), stated),
                "d.jpg": ("face", encode(face, "JPEG", quality=10, subsampling=0), stated),
                "e.bmp": ("face", encode(face // 2, "BMP"), stated),
            },
        )
    )
    by_name = {measure.path.name: measure for measure in exploration.measures}
    assert {name: (m.quality, m.quality_from, m.rate_from) for name, m in by_name.items()} == {
        "a.bmp": (10, "pixels", "pixels"),
        "b.bmp": (30, "pixels", "pixels"),
        "c.jpg": (10, "pixels", "file"),
        "d.jpg": (10, "tables", "file"),
        "e.bmp": (None, "unknown", None),
    }
    size = (tmp_path / "c.jpg").stat().st_size
    assert by_name["c.jpg"].bits_per_pixel == 8 * size / cup[..., 0].size
    assert by_name["c.jpg"].bits_per_pixel < by_name["a.bmp"].bits_per_pixel
    (line,) = report.verdicts(exploration)
    assert line == (
        "stated quality 10: 2 of 5 are Pillow's JPEG at quality 10, pixel for pixel; 1 is known "
        "from the tables in the JPEG file, its pixels are of another form (d.jpg); 1 is of another "
        "quality (b.bmp: 30); 1 is not libjpeg's, quality unknown (e.bmp)"
    )


def test_an_index_that_states_wrong_rates_and_copies_is_told(tmp_path):
    sizes = {name: jpeg_version(pixels, 10)[1] for name, pixels in photographs().items()}
    rate = {name: 8 * sizes[name] / photographs()[name][..., 0].size for name in sizes}
    cup = bmp_of_jpeg("cup", 10)
    exploration = explore.explore(
        scored_set(
            tmp_path,
            {
                "near.bmp": ("cup", cup, {"bits_per_pixel": rate["cup"] * 1.015}),
                "more.bmp": ("cup", cup, {"bits_per_pixel": rate["cup"] * 1.1}),
                "most.bmp": ("face", bmp_of_jpeg("face", 10), {"bits_per_pixel": 2.0}),
                "own.jpg": (
                    "face",
                    encode(photographs()["face"], "JPEG", quality=10),
                    {"bits_per_pixel": rate["face"] / 2},
                ),
                "odd.bmp": (
                    "cup",
                    encode(photographs()["cup"] // 2, "BMP"),
                    {"bits_per_pixel": 9.0},
                ),
                "no_copy.bmp": ("grey", bmp_of_jpeg("grey", 10), {"is_lossless": True}),
                "copy.bmp": ("grey", encode(photographs()["grey"], "BMP"), {"is_lossless": True}),
            },
        )
    )
    wrong = {measure.path.name for measure in exploration.measures if measure.has_wrong_rate}
    assert wrong == {"more.bmp", "most.bmp", "own.jpg"}
    _, copies, rates = report.verdicts(exploration)
    assert copies == (
        "1 is not the original, though the index calls that a lossless copy: no_copy.bmp"
    )
    assert rates == (
        "rates: 3 of 4 in the index differ from those of the files, most that of most.bmp: 2.000 "
        f"bits/pixel, and the file has {rate['face']:.3f}; all are in versions.tsv"
    )


def test_a_release_with_scores_is_told_apart_and_faults_are_named(live, tmp_path):
    exploration = explore.explore(live)
    text = printed(exploration)
    assert "9 with the set, 1 of them lossless copies" in text
    assert "4 of 5 are Pillow's JPEG at a quality from 5 to 60, pixel for pixel" in text
    assert "1 is not libjpeg's, quality unknown (img6.bmp)" in text
    assert "made now" not in text
    assert sorted(fault.removeprefix(f"{tmp_path}/") for fault in exploration.faults) == [
        "img7.bmp: not an image that fnnet reads (PNG, JPEG, BMP, TIFF, WebP, PPM)",
        f"img8.bmp: 192x160 pixels, but its original {tmp_path}/refimgs/cup.bmp has 256x192",
        "img9.bmp: no original in the set",
    ]
    by_name = {measure.path.name: measure for measure in exploration.measures}
    assert by_name["img2.bmp"].rate_from == "index"
    assert by_name["img4.bmp"].is_lossless and by_name["img4.bmp"].psnr == np.inf
    # Four scores that fall as quality rises, but for one: 80, 50, 40, 20 at 5, 20, 30, 60.
    (row,) = [line.split() for line in text.splitlines() if re.match(r"quality +-", line)]
    assert row == ["quality", "-1.000", "4"]


def test_figures_of_a_release_with_scores(live):
    drawn = dict(figures.draw(explore.explore(live)))
    assert set(drawn) == {
        *("contact_sheet.png", "histograms.png", "rate_distortion.png"),
        *("artefacts.png", "scores.png"),
    }
    for content in drawn.values():
        Image.open(io.BytesIO(content)).verify()


def made(image, quality, psnr=30.0):
    """A JPEG version's figures: the rate rises with the quality."""
    return findings.Measure(image, quality, "made", quality / 50, "file", psnr, 0.9, 1.0)


@pytest.fixture
def drawn(monkeypatch):
    """Draw the curves of measures and give the figure itself."""
    monkeypatch.setattr(figures, "png", lambda figure, dpi: figure)

    def draw(measures):
        exploration = findings.Exploration(
            ImageSet("s", None, ()), {}, (findings.Findings(measures=tuple(measures)),), ()
        )
        return figures.rate_distortion(exploration)

    yield draw
    figures.plt.close("all")


@pytest.mark.parametrize(
    ("curves", "title"),
    [
        (
            {"a": (10, 40), "b": (20,)},
            "s: JPEG, a line for one image, a dot for 1 with a single ",
        ),
        ({name: (10, 20, 40) for name in "abc"}, "s: JPEG, a line for each of 3 images"),
        (
            {name: (10, 20, 40) for name in "abcd"},
            "s: JPEG, a line for each of 4 images; named are the two best and the two worst at "
            "the middle rate",
        ),
    ],
    ids=["a dot", "three", "four"],
)
def test_each_curve_is_drawn_and_counted(drawn, curves, title):
    figure = drawn(made(name, q, 20.0 + q) for name, qualities in curves.items() for q in qualities)
    text = figure.get_suptitle()
    assert text.startswith(title) if title.endswith(" ") else text == title
    seen = [line for line in figure.axes[0].lines if line.get_color() == figures.GREY]
    assert sorted(len(line.get_xdata()) for line in seen) == sorted(map(len, curves.values()))
    # A line of one point shows nothing without a marker.
    assert all(len(line.get_xdata()) > 1 or line.get_marker() == "." for line in seen)


def test_boxes_stand_in_the_order_of_the_qualities_and_none_vanishes():
    measures = [made("flat", q, np.inf) for q in (10, 40, 95)]
    measures += [made("busy", 10), made("busy", 40, 35.0), made("busy", 95, np.inf)]
    figure, axis = figures.plt.subplots()
    figures._boxes(axis, [measures[1], *measures], "psnr", "PSNR (dB)")
    labels = [label.get_text() for label in axis.get_xticklabels()]
    figures.plt.close(figure)
    assert labels == ["10", "40", "95"]


@pytest.mark.parametrize("inside", [".", "originals"])
def test_the_folder_of_the_originals_is_named(tmp_path, inside):
    write_originals(tmp_path / "set" / inside)
    heads = dict(report.facts(explore.explore(open_set(tmp_path / "set"))))
    folder = tmp_path / "set"
    said = {".": f"{folder}", "originals": f"{folder}, originals in {folder / 'originals'}"}
    assert heads["folder"] == said[inside]


def test_versions_that_are_missing_are_named(tmp_path):
    originals = write_originals(tmp_path / "set" / "refimgs")
    for quality, names in {10: ("cup", "face"), 90: ("cup", "face", "grey")}.items():
        folder = tmp_path / "set" / f"qf{quality}"
        folder.mkdir()
        for name in names:
            (folder / f"{name}.bmp").write_bytes(bmp_of_jpeg(name, quality))
    exploration = explore.explore(open_set(tmp_path / "set"))
    assert dict(report.facts(exploration))["versions"] == (
        "5 with the set; qf10 has no partner of 1 of 3 originals (grey)"
    )
    (originals / "cup.bmp").unlink()
    exploration = explore.explore(open_set(tmp_path / "set"))
    assert dict(report.facts(exploration))["versions"] == (
        "5 with the set; qf10 has no partner of 1 of 2 originals (grey) and 1 images without an "
        "original (cup); qf90 has 1 images without an original (cup)"
    )


def lost(image):
    """The image, renamed, as if its file had gone after the set was opened."""

    def load():
        raise ImageError("bad.bmp: no such file")

    return replace(image, name="bad", load=load)


def test_a_damaged_original_is_left_out_and_all_damaged_is_an_error(live):
    bad = lost(live.originals[0])
    exploration = explore.explore(replace(live, originals=(bad, *live.originals)))
    assert "bad.bmp: no such file" in exploration.faults
    assert [row.image for row in exploration.descriptions] == ["cup", "face", "grey"]
    assert "faults" in printed(exploration)
    with pytest.raises(ImageError, match=r"bad.bmp: no such file"):
        explore.explore(replace(live, originals=(bad,), versions=()))


def test_damaged_files_are_named_and_the_rest_is_shown(command, tmp_path):
    folder = write_originals(tmp_path / "set")
    (folder / "bad.bmp").write_bytes(b"BM")
    status, output, errors = command("--data", folder, "--out", tmp_path / "out")
    assert status == 0 and "originals    3:" in output
    assert "made now of 3 images" in output
    assert f"note: {folder}/bad.bmp: not an image that fnnet reads" in errors


def test_of_many_notices_the_first_are_shown(command, tmp_path):
    folder = tmp_path / "set"
    folder.mkdir()
    for index in range(12):
        (folder / f"{index:02}.png").write_bytes(b"no image")
    (folder / "only.png").write_bytes(encode(smooth(9, 12), "PNG"))
    status, _, errors = command("--data", folder, "--out", tmp_path / "out")
    assert status == 0 and len(errors.splitlines()) == 9
    assert errors.splitlines()[-1] == "note: and 4 more of these"


def test_duplicates_and_earlier_compression_are_named(tmp_path):
    folder = tmp_path / "set"
    folder.mkdir()
    image = data.astronaut()[:300, 100:420]
    for name, content in {
        "a.png": encode(image, "PNG"),
        "b.bmp": encode(image, "BMP"),
        "old.jpg": encode(data.coffee()[:300, 100:400], "JPEG", quality=40),
    }.items():
        (folder / name).write_bytes(content)
    heads = dict(report.facts(explore.explore(explore.open_set(folder))))
    assert heads["duplicates"] == "a = b"
    assert "known copies" not in heads
    assert heads["earlier JPEG"].startswith("an 8x8 grid, as if compressed before, in 1 of 3: old ")
    assert heads["JPEG files"] == "1 of quality 40"
    assert heads["sizes"] == "2 of 320x300, 1 of 300x300"


def test_names_are_no_markup_and_no_formula(command, tmp_path):
    folder = tmp_path / "set"
    folder.mkdir()
    for name in ("$x^", "[bold]a_b"):
        (folder / f"{name}.png").write_bytes(
            encode(photographs()["cup"][:, : 90 + len(name)], "PNG")
        )
    status, output, errors = command("--data", folder, "--out", tmp_path / "out")
    assert (status, errors) == (0, "")
    assert "$x^" in output and "[bold]a_b" in output


def test_many_qualities_are_put_into_ranges():
    def measure(quality):
        return findings.Measure("a", quality, "pixels", 1.0, "file", 30.0, 0.9, 1.0)

    few = report.by_quality([measure(quality) for quality in (None, 40, 10, 10)])
    assert {label: len(group) for label, group in few.items()} == {"10": 2, "40": 1, "unknown": 1}
    many = report.by_quality([measure(quality) for quality in (*range(100, 0, -1), None)])
    assert list(many)[:3] == ["1", "2 to 5", "6 to 10"] and list(many)[-1] == "unknown"
    assert sum(map(len, many.values())) == 101


def test_large_sets_are_shown_in_part():
    assert findings.spread(range(10), 60) == list(range(10))
    assert findings.spread(range(600), 60) == list(range(0, 600, 10))


def test_results_come_in_order_and_errors_end_it_all():
    assert map_with_progress(lambda x: x * x, range(20), "squared", "numbers") == [
        x * x for x in range(20)
    ]
    with pytest.raises(ZeroDivisionError):
        map_with_progress(lambda x: 1 // x, [1, 0, 2], "divided", "numbers")


def test_folders_that_begin_in_one_second_have_different_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first = new_folder("explore-a")
    first.mkdir(parents=True)
    assert new_folder("explore-a") != first and first.parent == Path("runs")


@pytest.mark.slow
def test_live1_shows_no_grid_and_the_known_means(data_root):
    exploration = explore.explore(explore.open_set(data_root / "live1"))
    assert dict(report.facts(exploration))["earlier JPEG"] == "none: no original shows an 8x8 grid"
    at_10 = report.by_quality(exploration.compressed)["10"]
    assert np.mean([m.psnr for m in at_10]) == pytest.approx(25.6925, abs=0.01)
    assert np.mean([m.ssim for m in at_10]) == pytest.approx(0.7433, abs=0.0005)
    assert np.mean([m.bits_per_pixel for m in at_10]) == pytest.approx(0.3839, rel=0.005)


@pytest.mark.slow
def test_set14_holds_images_that_were_compressed_before(data_root):
    exploration = explore.explore(explore.open_set(data_root / "set14"))
    shown = {
        row.image
        for row in exploration.descriptions
        if row.strongest_grid and row.strongest_grid > findings.GRID_SHOWS
    }
    assert shown == {"coastguard", "foreman", "zebra"}


@pytest.mark.slow
def test_scores_of_the_live_release_rank_as_published(data_root, tmp_path):
    """Made from 58 compressed versions: PSNR ranks worse than SSIM, and SSIM at about 0.95."""
    with open(data_root / "live1" / "meta" / "live_r2.tsv", newline="") as file:
        rows = [r for r in csv.DictReader(file, delimiter="\t") if r["name"].startswith("jpeg/")]
    folder = data_root / "live1" / "originals"
    versions = []
    for row in [row for row in rows if row["orgs"] == "0"][::3]:
        name = row["reference"].removesuffix(".bmp")
        pixels = read_image(folder / f"{name}.png").pixels
        path = tmp_path / Path(row["name"]).name
        path.write_bytes(encode(jpeg_version(pixels, int(row["jpeg_quality"]))[0], "BMP"))
        versions.append((path, name, int(row["jpeg_quality"]), float(row["dmos_realigned"])))
    live = ImageSet(
        "live",
        tmp_path,
        open_set(folder).originals,
        "LIVE release 2",
        tuple(Version(path, name, score=score) for path, name, _, score in versions),
        score_name="DMOS, realigned",
    )
    exploration = explore.explore(live)
    known = {path: quality for path, _, quality, _ in versions}
    assert {measure.path: measure.quality for measure in exploration.measures} == known
    ranks = {
        name: report.rank_correlation(
            [getattr(measure, name) for measure in exploration.measures],
            [measure.score for measure in exploration.measures],
        )[0]
        for name in ("psnr", "ssim")
    }
    assert -0.94 < ranks["psnr"] < -0.85
    assert -0.99 < ranks["ssim"] < -0.92
