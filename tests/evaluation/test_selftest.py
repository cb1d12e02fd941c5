"""JPEG's published rows: they are met, planted faults are not missed, recipes are as written."""

import io
import math
import shutil
import time
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import skimage.data
from image_builders import noise
from PIL import Image

import fnnet as fn
from experiments.evaluation import selfcheck
from experiments.evaluation.baselines import JpegRow, jpeg_rows
from experiments.evaluation.selfcheck import Cell, check_metrics, embedded_sets, measure
from experiments.images import ImageError, StoredImage, write_png
from experiments.images import jpeg_recipes as recipes
from experiments.system.errors import RunError
from fnnet import metrics

PHOTOGRAPHS = ("astronaut", "coffee", "chelsea")
CLASSIC5 = ("baboon", "barbara", "boats", "lena", "peppers")


@pytest.fixture
def command(run):
    return partial(run, "selftest")


@pytest.fixture
def no_sets(monkeypatch, tmp_path):
    """A place where neither LIVE1 nor Classic5 is at hand."""
    monkeypatch.delenv("FNNET_DATA", raising=False)
    monkeypatch.chdir(tmp_path)


def row(**changes):
    given = {"set": "astronaut", "recipe": "grey", "quality": 10, "metric": "psnr"}
    reference = {"measured": 30.0, "published": None, "source": "", "reproduced": None}
    return JpegRow(**(given | reference | changes))


def one(pixels, is_grey=False):
    return StoredImage.of(pixels, "one", is_grey=is_grey)


def test_known_values_are_met_to_their_last_digit():
    rows = [row for row in jpeg_rows() if row.set in PHOTOGRAPHS]
    assert len(rows) == 3 * 2 * 7
    for cell in measure(rows, embedded_sets()):
        assert abs(cell.measured - cell.row.measured) < 1e-4, cell
        assert cell.faults == []


@pytest.mark.usefixtures("no_sets")
def test_without_a_set_the_photographs_are_measured_and_the_rest_is_said(command):
    status, output, errors = command()
    assert (status, errors) == (0, "")
    for title, name in (("LIVE1", "live1"), ("Classic5", "classic5")):
        assert f"{title} is not available and is left out: {name}: no such folder" in output
    assert "all 42 values on astronaut, coffee, chelsea are as expected, within" in output
    assert "≠" not in output


def full_range_luma(image):
    return np.asarray(Image.fromarray(image.pixels).convert("L"))


def replicated_chroma(pixels, quality, original=recipes.jpeg_version):
    """Decode colour as those do who repeat each sample of chroma instead of interpolating."""
    if pixels.ndim == 2:
        return original(pixels, quality)
    height, width, _ = pixels.shape
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    whole = decoded_ycbcr(file, (width, height))
    # Half the size: chroma as it is stored, only luma is reduced.
    stored = decoded_ycbcr(file, (width // 2, height // 2))
    chroma = stored[..., 1:].repeat(2, 0).repeat(2, 1)[:height, :width]
    merged = np.concatenate([whole[..., :1], chroma], axis=-1)
    return np.asarray(Image.fromarray(merged, "YCbCr").convert("RGB")), None


def decoded_ycbcr(file, size):
    with Image.open(file) as image:
        image.draft("YCbCr", size)
        return np.asarray(image)


PLANTED = {
    "full-range luma": (recipes, "grey_plane", full_range_luma, ("grey",), ("psnr", "psnrb")),
    "chroma replicated": (
        *(recipes, "jpeg_version", replicated_chroma, ("colour",)),
        ("psnr", "psnrb_channels"),
    ),
    "8x8 box for SSIM": (metrics, "ssim", metrics.ssim_box8, ("grey", "colour"), ("ssim",)),
    "PSNR-B swapped": (
        *(metrics, "psnrb", lambda x, y, original=metrics.psnrb: original(y, x)),
        *(("grey", "colour"), ("psnrb",)),
    ),
    "a cropped border": (
        *(metrics, "psnr", lambda x, y, f=metrics.psnr: f(x[4:-4, 4:-4], y[4:-4, 4:-4])),
        *(("grey", "colour"), ("psnr",)),
    ),
}


@pytest.mark.parametrize("name", PLANTED)
@pytest.mark.usefixtures("no_sets")
def test_a_planted_fault_is_found_and_its_cells_are_named(name, command, monkeypatch):
    module, attribute, planted, in_recipes, in_metrics = PLANTED[name]
    monkeypatch.setattr(module, attribute, planted)
    status, output, errors = command()
    assert (status, errors) == (1, "")
    named = {tuple(line.split()[:4]) for line in output.splitlines() if ": measured " in line}
    for photograph in PHOTOGRAPHS:
        for recipe in in_recipes:
            for metric in in_metrics:
                assert (photograph, recipe, "q=10", f"{metric}:") in named
    assert {recipe for _, recipe, _, _ in named} == set(in_recipes)
    if module is metrics:
        assert {metric for _, _, _, metric in named} == {f"{metric}:" for metric in in_metrics}
    assert output.count("≠") == len(named)


@pytest.mark.parametrize("name", ["8x8 box for SSIM", "a cropped border", "full-range luma"])
@pytest.mark.usefixtures("no_sets")
def test_wrong_metrics_are_refused_before_use(name, monkeypatch):
    monkeypatch.setattr(*PLANTED[name][:3])
    with pytest.raises(RunError) as error:
        check_metrics(("psnr", "ssim"))
    assert str(error.value).startswith("metrics miss their references, so nothing is measured")
    assert "of 12 known values differ, the first is astronaut grey q=10 " in str(error.value)


@pytest.mark.usefixtures("no_sets")
def test_right_metrics_are_checked_in_a_line():
    assert check_metrics(("psnr", "ssim")) == (
        "psnr and ssim checked: 12 known values of JPEG at quality 10, grey and colour, were met "
        "on scikit-image's photographs"
    )


def test_differences_are_told_with_their_size():
    assert Cell(row(), 30.0099).faults == []
    assert Cell(row(), 29.9).sentence() == (
        "astronaut grey q=10 psnr: measured 29.9000, expected 30.0000 (-0.1000)"
    )
    assert Cell(row(metric="ssim", measured=0.8), 0.8006).faults == ["expected 0.8000 (+0.0006)"]
    assert Cell(row(), math.nan).faults and Cell(row(), math.inf).faults
    published = row(set="live1", recipe="double", quality=(30, 10), published=30.5)
    assert Cell(replace(published, reproduced=False), 30.0).faults == []
    assert Cell(replace(published, reproduced=True), 30.0).sentence() == (
        "LIVE1 double q=30,10 psnr: measured 30.0000, published 30.5 (-0.5000)"
    )


def test_a_set_s_value_is_the_mean_of_its_images_own():
    images = [one(skimage.data.astronaut()[:64, :64]), one(skimage.data.coffee()[:96, :64])]
    rows = [row(set="both", metric=name) for name in ("psnr", "ssim")]
    both = measure(rows, {"both": images})
    singles = [measure(rows, {"both": [image]}) for image in images]
    for cell, *alone in zip(both, *singles, strict=True):
        assert cell.measured == pytest.approx(
            np.mean([single.measured for single in alone]), abs=1e-12
        )


def pillow_jpeg(array, quality):
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(array)).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))


def test_recipes_are_as_written():
    pixels = skimage.data.chelsea()[:61, :83]
    weights = np.array([65.481, 128.553, 24.966]) / 255
    luma = np.round(16 + pixels @ weights).astype(np.uint8)
    original, degraded = recipes.grey_recipe(one(pixels), 10)
    np.testing.assert_array_equal(original[..., 0], luma)
    np.testing.assert_array_equal(degraded[..., 0], pillow_jpeg(luma, 10))
    original, degraded = recipes.colour_recipe(one(pixels), 20)
    np.testing.assert_array_equal(original, pixels)
    np.testing.assert_array_equal(degraded, pillow_jpeg(pixels, 20))
    original, degraded = recipes.double_recipe(one(pixels), (50, 10))
    np.testing.assert_array_equal(original[..., 0], luma[4:, 4:])
    twice = pillow_jpeg(pillow_jpeg(luma, 50)[4:, 4:], 10)
    np.testing.assert_array_equal(degraded[..., 0], twice)


def test_a_grey_image_is_its_own_plane():
    plane = noise(channels=1)
    image = one(plane.repeat(3, axis=-1), is_grey=True)
    np.testing.assert_array_equal(recipes.grey_recipe(image, 10)[0], plane)


def put(folder, names):
    folder.mkdir()
    for seed, name in enumerate(names):
        write_png(folder / f"{name}.png", noise(seed=seed))
    return folder


@pytest.mark.usefixtures("no_sets")
def test_a_set_is_known_by_its_pixels_not_its_names(command, tmp_path):
    folder = put(tmp_path / "mine", CLASSIC5)
    sentence = (
        f"{folder}: neither LIVE1 nor Classic5, judged by the pixels: of its 5 images, 0 of "
        "LIVE1's 29 and 0 of Classic5's 5 are here"
    )
    with pytest.raises(ImageError) as error:
        selfcheck.known_set(folder)
    assert str(error.value) == sentence
    assert command("--data", folder) == (2, "", f"error: {sentence}\n")


def test_a_known_set_is_measured_under_any_name(command, data_root, tmp_path, monkeypatch):
    shutil.copytree(data_root / "classic5", tmp_path / "mine")
    monkeypatch.delenv("FNNET_DATA")
    monkeypatch.chdir(tmp_path)
    status, output, _ = command("--data", tmp_path / "mine")
    assert status == 0
    assert "Classic5, grey" in output and "LIVE1 is not available" in output
    assert "all 70 values on Classic5, astronaut, coffee, chelsea are as expected, 16 " in output


@pytest.mark.slow
def test_all_rows_are_reproduced_in_two_core_minutes(command, data_root, monkeypatch):
    monkeypatch.setenv("FNNET_DATA", str(data_root))
    cells = []

    def measured(*args, original=selfcheck.measure):
        cells.extend(original(*args))
        return cells

    monkeypatch.setattr(selfcheck, "measure", measured)
    began = time.process_time()
    status, output, errors = command()
    assert (status, errors) == (0, "")
    assert time.process_time() - began < 110  # 60 s on two cores, less what starting takes
    assert "all 180 values on LIVE1, Classic5, " in output
    assert "are as expected, 58 of them also as published, within 0.01 dB" in output
    assert "(25.62)" in output
    # LIVE1's are met to their last digit.
    strongest = [c for c in cells if c.row.set == "live1" and c.row.quality in (10, (30, 10))]
    assert len(strongest) == 20
    for cell in strongest:
        assert abs(cell.measured - cell.row.measured) < 2e-4, cell


@pytest.mark.slow
def test_live1_is_what_metrics_are_checked_on_where_it_is_at_hand(data_root, monkeypatch):
    monkeypatch.setenv("FNNET_DATA", str(data_root))
    assert "4 known values" in check_metrics(("psnr", "ssim"))
    name, images = selfcheck.known_set("live1")
    assert name == "live1"
    monkeypatch.delenv("FNNET_DATA")
    assert check_metrics(("psnr", "ssim"), images).endswith("were met on LIVE1")


def test_the_grey_plane_is_not_the_luma_inside_jpeg_files():
    pixels = skimage.data.astronaut()
    full = fn.ops.rgb_to_ycbcr(pixels.astype(np.float64), peak=255.0)[..., 0]
    assert np.abs(recipes.grey_plane(one(pixels)) - full).mean() > 5
