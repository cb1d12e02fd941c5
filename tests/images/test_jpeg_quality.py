"""The quality of JPEG versions, found in files and in pixels."""

import csv
import os

import numpy as np
import pytest
from image_builders import encode, noise, smooth
from PIL import Image
from skimage import data

from experiments.images import (
    ImageError,
    jpeg_version,
    quality_of_file,
    quality_of_pixels,
    read_image,
)
from experiments.images.jpeg_quality import annex_k

ANY_QUALITY = range(1, 101)


@pytest.fixture(scope="module")
def astronaut():
    return data.astronaut()[60:252, 100:308]  # 192 rows, 208 columns


def write(path, pixels, **options):
    path.write_bytes(encode(pixels, "JPEG", **options))
    return path


def fault(path):
    with pytest.raises(ImageError) as caught:
        quality_of_file(path)
    return str(caught.value)


# In files.


# ITU-T T.81, Annex K, tables K.1 and K.2.
LUMA = (
    *(16, 11, 10, 16, 24, 40, 51, 61),
    *(12, 12, 14, 19, 26, 58, 60, 55),
    *(14, 13, 16, 24, 40, 57, 69, 56),
    *(14, 17, 22, 29, 51, 87, 80, 62),
    *(18, 22, 37, 56, 68, 109, 103, 77),
    *(24, 35, 55, 64, 81, 104, 113, 92),
    *(49, 64, 78, 87, 103, 121, 120, 101),
    *(72, 92, 95, 98, 112, 100, 103, 99),
)
CHROMA = (
    *(17, 18, 24, 47, 99, 99, 99, 99),
    *(18, 21, 26, 66, 99, 99, 99, 99),
    *(24, 26, 56, 99, 99, 99, 99, 99),
    *(47, 66, 99, 99, 99, 99, 99, 99),
    *(99,) * 32,
)


def test_pillow_has_the_tables_of_the_standard():
    assert [tuple(steps) for steps in annex_k()] == [LUMA, CHROMA]


@pytest.mark.parametrize("channels", [1, 3])
def test_every_quality_is_told_by_its_tables(tmp_path, channels):
    pixels = noise(24, 24)[..., 0] if channels == 1 else noise(24, 24)
    for quality in ANY_QUALITY:
        assert quality_of_file(write(tmp_path / "a.jpg", pixels, quality=quality)) == quality


@pytest.mark.parametrize(
    "options",
    [
        {"progressive": True},
        {"optimize": True},
        {"subsampling": 0},
        {"keep_rgb": True},
        {"progressive": True, "optimize": True, "subsampling": 1},
    ],
)
def test_the_form_of_the_file_does_not_matter(tmp_path, options):
    for quality in (7, 10, 50, 95):
        path = write(tmp_path / "a.jpg", smooth(), quality=quality, **options)
        assert quality_of_file(path) == quality


def test_tables_with_steps_above_255_are_known(tmp_path):
    """As `cjpeg` writes them below quality 25 unless told to keep to baseline."""
    assert quality_of_file(sixteen_bits(tmp_path / "b.jpg")) == 10


def steps_of(tmp_path, quality, table):
    with Image.open(write(tmp_path / "steps.jpg", smooth(), quality=quality)) as image:
        return image.quantization[table]


def sixteen_bits(path):
    """A grey JPEG of quality 10 whose table has two bytes a step, none of them cut at 255."""
    plain = encode(smooth()[..., 0], "JPEG", quality=10)
    start = plain.index(b"\xff\xdb")
    zigzag = encode(smooth()[..., 0], "JPEG", quality=50)
    steps = [5 * step for step in zigzag[zigzag.index(b"\xff\xdb") + 5 :][:64]]
    assert max(steps) > 255
    table = b"\xff\xdb\x00\x83\x10" + b"".join(step.to_bytes(2, "big") for step in steps)
    path.write_bytes(plain[:start] + table + plain[start + 69 :])
    return path


def test_other_tables_are_of_no_quality(tmp_path):
    luma, chroma = (steps_of(tmp_path, 50, table) for table in (0, 1))
    path = tmp_path / "a.jpg"
    assert quality_of_file(write(path, smooth(), qtables=[luma, chroma])) == 50
    changed = [luma[0] + 1, *luma[1:]]
    for tables in ([changed, chroma], [luma, changed], [luma, luma], [[16] * 64]):
        assert quality_of_file(write(path, smooth(), qtables=tables)) is None
    other = steps_of(tmp_path, 60, 1)
    assert quality_of_file(write(path, smooth(), qtables=[luma, other])) is None
    assert quality_of_file(write(path, Image.fromarray(smooth()).convert("CMYK"))) is None


def test_what_is_no_jpeg_has_no_quality(tmp_path):
    for suffix in ("PNG", "BMP", "TIFF"):
        path = tmp_path / "a.jpg"
        path.write_bytes(encode(smooth(), suffix))
        assert quality_of_file(path) is None
    path.write_bytes(b"")
    assert quality_of_file(path) is None


def test_a_missing_or_damaged_file_is_told_in_a_sentence(tmp_path):
    assert fault(tmp_path / "none.jpg") == f"{tmp_path / 'none.jpg'}: no such file"
    assert "a folder" in fault(tmp_path)
    os.mkfifo(tmp_path / "pipe.jpg")
    assert "pipe" in fault(tmp_path / "pipe.jpg")


def test_hostile_files_give_a_number_none_or_a_sentence(tmp_path):
    whole = encode(smooth(16, 16), "JPEG", quality=80)
    path = tmp_path / "a.jpg"
    generator = np.random.default_rng(0)
    header = whole.index(b"\xff\xda")
    outcomes = set()
    for _ in range(600):
        content = bytearray(whole[: generator.integers(2, len(whole))])
        for place in generator.integers(0, min(header, len(content)), 3):
            content[place] = generator.integers(256)
        path.write_bytes(content)
        try:
            outcomes.add(type(quality_of_file(path)))
        except ImageError as error:
            assert str(error).startswith(f"{path}: ") and "\n" not in str(error)
            outcomes.add(ImageError)
    assert outcomes == {int, type(None), ImageError}


# In pixels.


def test_every_quality_is_found_in_the_pixels(astronaut):
    for quality in ANY_QUALITY:
        pixels, size = jpeg_version(astronaut, quality)
        assert quality_of_pixels(astronaut, pixels) == (quality, size)


@pytest.mark.parametrize("shape", [(192, 208), (191, 207), (130, 37), (9, 70), (3, 2), (1, 1)])
@pytest.mark.parametrize("quality", [3, 40, 91])
def test_any_size_will_do(astronaut, shape, quality):
    original = astronaut[: shape[0], : shape[1]]
    pixels, size = jpeg_version(original, quality)
    found = quality_of_pixels(original, pixels)
    assert found[0] <= quality and found[1] <= size
    assert np.array_equal(jpeg_version(original, found[0])[0], pixels)
    if min(shape) > 100:
        assert found == (quality, size)


def test_one_level_or_one_pixel_more_is_another_image(astronaut):
    pixels, _ = jpeg_version(astronaut, 30)
    assert quality_of_pixels(astronaut, np.minimum(pixels, 254) + 1) is None
    for place in [(0, 0), (100, 100), (-1, -1)]:
        other = pixels.copy()
        other[place] ^= 1
        assert quality_of_pixels(astronaut, other) is None


def test_other_forms_of_jpeg_are_not_taken_for_the_default(astronaut, tmp_path):
    full_chroma = read_image(write(tmp_path / "a.jpg", astronaut, quality=30, subsampling=0))
    assert quality_of_pixels(astronaut, full_chroma.pixels) is None
    assert quality_of_pixels(astronaut, astronaut) is None
    assert quality_of_pixels(astronaut, full_chroma.pixels[..., :1].repeat(3, -1)) is None


def test_grey_images_are_compressed_as_one_channel(astronaut, tmp_path):
    plane = astronaut[..., 1]
    three = np.repeat(plane[..., None], 3, axis=-1)
    pixels, size = jpeg_version(plane, 20)
    assert quality_of_pixels(plane, pixels) == (20, size)
    of_three = read_image(write(tmp_path / "a.jpg", three, quality=20)).pixels
    assert quality_of_pixels(three, of_three) == (20, size)


def test_of_several_qualities_the_expected_or_the_lowest_is_said():
    flat = np.full((40, 40, 3), 128, np.uint8)
    assert quality_of_pixels(flat, flat)[0] == 1
    assert quality_of_pixels(flat, flat, expected=70)[0] == 70


def test_a_wrong_expectation_changes_nothing(astronaut):
    pixels, size = jpeg_version(astronaut, 30)
    assert quality_of_pixels(astronaut, pixels, expected=31) == (30, size)


def test_shapes_must_fit(astronaut):
    with pytest.raises(ValueError, match=r"shapes \(192, 208, 3\) and \(191, 208, 3\)"):
        quality_of_pixels(astronaut, astronaut[1:])


def test_images_of_the_live_release_are_met_exactly(data_root):
    folder = data_root / "live_jpeg_sample"
    with open(folder / "sample.tsv", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert len(rows) == 17
    for row in rows:
        reference = row["reference"].replace(".bmp", ".png")
        original = read_image(data_root / "live1" / "originals" / reference).pixels
        decoded = read_image(folder / row["file"]).pixels
        known = int(row["pillow_quality"]), int(row["pillow_bytes"])
        assert quality_of_pixels(original, decoded) == known
