import hashlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from image_builders import noise, smooth

from experiments.images import (
    ImageError,
    StoredImage,
    check_patch,
    jpeg_version,
    sample_batch,
    sampling_window,
)
from experiments.images.patches import WINDOW_BYTES
from experiments.images.store import STORE_BYTES

ARGUMENTS = {"seed": 0, "step": 0, "batch_size": 4, "patch": 8}


def sources(*sizes):
    """Images of these sizes with a second array that is 255 minus the first."""
    images = [noise(*size, seed=index) for index, size in enumerate(sizes)]
    return [(pixels, 255 - pixels) for pixels in images]


def coordinates(height, width, index=0):
    """An image whose pixels tell where they lie: row, column, number of the image."""
    rows, columns = np.mgrid[0:height, 0:width]
    return np.stack([rows, columns, np.full_like(rows, index)], axis=-1).astype(np.uint8)


def test_a_batch_is_a_pure_function_of_seed_and_step():
    images = sources((20, 30), (9, 8))
    before = [array.copy() for arrays in images for array in arrays]
    one = sample_batch(images, **ARGUMENTS)
    sample_batch(images, **(ARGUMENTS | {"step": 5}))
    two = sample_batch(images, **ARGUMENTS)
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))
    for change in ({"seed": 1}, {"step": 1}):
        other = sample_batch(images, **(ARGUMENTS | change))
        assert not np.array_equal(one[0], other[0])
    after = [array for arrays in images for array in arrays]
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


def test_seed_and_step_are_not_interchangeable():
    images = sources((20, 30))
    one = sample_batch(images, **(ARGUMENTS | {"seed": 1, "step": 2}))
    two = sample_batch(images, **(ARGUMENTS | {"seed": 2, "step": 1}))
    assert not np.array_equal(one[0], two[0])


def test_the_batch_is_the_same_on_every_machine():
    images = [(coordinates(40, 60, 0),), (coordinates(33, 100, 1),)]
    arguments = {"seed": 3, "step": 1000, "batch_size": 16, "patch": 24}
    (batch,) = sample_batch(images, **arguments)
    assert hashlib.sha256(batch.tobytes()).hexdigest()[:16] == "9bdff820a6ba8286"


@pytest.mark.parametrize("count", [1, 2, 3])
def test_arrays_that_belong_together_stay_together(count):
    images = [tuple(pixels + np.uint8(k) for k in range(count)) for pixels, _ in sources((20, 9))]
    batch = sample_batch(images, **ARGUMENTS)
    assert len(batch) == count
    for k, array in enumerate(batch):
        assert (array.shape, array.dtype) == ((4, 8, 8, 3), np.uint8)
        assert array.flags.c_contiguous
        assert np.array_equal(array, batch[0] + np.uint8(k))


def test_every_patch_is_a_turned_or_mirrored_square_of_its_image():
    images = [(coordinates(40, 60, 0),), (coordinates(33, 100, 1),)]
    (batch,) = sample_batch(images, seed=0, step=0, batch_size=200, patch=10)
    seen = set()
    for square in batch.astype(int):
        forms = [np.rot90(mirrored, k) for mirrored in (square, square[:, ::-1]) for k in range(4)]
        fits = []
        for index, form in enumerate(forms):
            top, left, number = form[0, 0]
            whole = images[number][0]
            if np.array_equal(form, whole[top : top + 10, left : left + 10]):
                fits.append(index)
        assert len(fits) == 1
        seen.add(fits[0])
    assert seen == set(range(8))


def test_images_are_drawn_by_their_pixels_and_places_evenly():
    images = [(coordinates(20, 20, 0),), (coordinates(20, 60, 1),)]
    (batch,) = sample_batch(images, seed=0, step=0, batch_size=4000, patch=4)
    numbers = batch[:, 0, 0, 2]
    assert abs(numbers.mean() - 0.75) < 0.03
    corners = batch[numbers == 0][..., :2].min(axis=(1, 2)).astype(int)
    hits = np.bincount(corners[:, 0] * 17 + corners[:, 1], minlength=17 * 17)
    assert len(hits) == 17 * 17  # the last row and column are reached, none beyond
    rows = np.bincount(corners[:, 0], minlength=17)
    assert rows.min() > 0.5 * rows.mean()
    assert rows.max() < 1.6 * rows.mean()


def test_every_single_batch_is_spread_over_images_and_places():
    images = [(coordinates(40, 40, 0),), (coordinates(40, 120, 1),)]
    missed = []
    for step in range(100):
        (batch,) = sample_batch(images, seed=0, step=step, batch_size=64, patch=8)
        assert abs(np.sum(batch[:, 0, 0, 2]) - 48) <= 1
        corners = batch[batch[:, 0, 0, 2] == 1][..., :2].min(axis=(1, 2)).astype(float)
        missed.append(np.abs(corners.mean(0) - (16, 56)) / (32, 112))
    # Independent draws would miss the middle by 0.033 of the range in the mean.
    assert np.mean(missed) < 0.018


@pytest.mark.parametrize("grid", ["any", "keep", "shift"])
def test_patches_lie_on_the_grid_as_they_are_told(grid):
    images = [(coordinates(64, 77, 0),), (coordinates(51, 100, 1),)]
    corners = set()
    for step in range(40):
        arguments = {"seed": 0, "step": step, "batch_size": 32, "patch": 24, "grid": grid}
        (batch,) = sample_batch(images, **arguments)
        for square in batch.astype(int):
            # Turning and mirroring keep the smallest row and column: those of the place.
            corners.add((square[..., 0].min() % 8, square[..., 1].min() % 8))
    everywhere = {(row, column) for row in range(8) for column in range(8)}
    expected = {"any": everywhere, "keep": {(0, 0)}, "shift": everywhere - {(0, 0)}}
    assert corners == expected[grid]


@pytest.mark.parametrize("grid", ["keep", "shift"])
def test_every_place_on_the_grid_is_reached(grid):
    rows = set()
    for step in range(60):
        (batch,) = sample_batch(
            [(coordinates(40, 40),)], seed=0, step=step, batch_size=16, patch=8, grid=grid
        )
        rows |= {int(square[..., 0].min()) for square in batch}
    expected = range(0, 33, 8) if grid == "keep" else range(33)
    assert rows == set(expected)


def test_a_kept_grid_shows_the_blocks_where_a_whole_image_has_them():
    plane, _ = jpeg_version(smooth(64, 64)[..., 0] // 2 + smooth(64, 64)[..., 1] // 2, 1)
    blocks = np.stack([plane] * 3, axis=-1)
    (batch,) = sample_batch([(blocks,)], seed=0, step=0, batch_size=16, patch=16, grid="keep")
    for square in batch.astype(float):
        steps = np.abs(np.diff(square, axis=0)).mean((1, 2))
        assert steps.argmax() == 7


def test_images_of_one_pixel_are_drawn_equally_often():
    images = [(coordinates(1, 1, index),) for index in range(4)]
    (batch,) = sample_batch(images, seed=0, step=0, batch_size=4000, patch=1)
    assert np.abs(np.bincount(batch[:, 0, 0, 2], minlength=4) - 1000).max() < 120


def test_an_image_of_the_patch_size_gives_itself():
    (batch,) = sample_batch([(noise(8, 8),)], **ARGUMENTS)
    for square in batch:
        assert np.array_equal(np.sort(square.reshape(-1)), np.sort(noise(8, 8).reshape(-1)))


@pytest.mark.parametrize(
    ("images", "change", "sentence"),
    [
        (sources((20, 30)), {"seed": -1}, "seed=-1 must be at least 0"),
        (sources((20, 30)), {"step": -1}, "step=-1 must be at least 0"),
        (sources((20, 30)), {"batch_size": 0}, "batch_size=0 must be at least 1"),
        (sources((20, 30)), {"patch": 0}, "patch=0 must be at least 1"),
        ([], {}, "no images to draw from"),
        (
            sources((20, 30), (7, 90)),
            {},
            "source 1 of 90x7 pixels is smaller than the patch of 8",
        ),
        (
            [(noise(20, 30), noise(30, 20))],
            {},
            "source 0 has arrays of shapes (20, 30, 3) and (30, 20, 3)",
        ),
        (
            [(noise(20, 30),), (noise(20, 30), noise(20, 30))],
            {},
            "source 1 has 2 arrays, source 0 1",
        ),
        (
            [(noise(20, 30) / 255,)],
            {},
            "source 0 has an array of shape (20, 30, 3) and type float64, not (H, W, 3) of uint8",
        ),
        (sources((20, 30)), {"grid": "all"}, "grid='all' must be one of any, keep, shift"),
        (
            sources((20, 30)),
            {"grid": "keep", "patch": 12},
            "grid='keep' needs a multiple of 8, not a patch of 12",
        ),
        (
            sources((20, 30), (15, 14)),
            {"grid": "shift"},
            "grid='shift' needs images of 15 pixels at least",
        ),
        (
            [(noise(20, 30, 1),)],
            {},
            "source 0 has an array of shape (20, 30, 1) and type uint8, not (H, W, 3) of uint8",
        ),
    ],
)
def test_wrong_arguments_are_refused(images, change, sentence):
    with pytest.raises(ValueError) as caught:
        sample_batch(images, **(ARGUMENTS | change))
    assert str(caught.value) == f"sample_batch: {sentence}"


def test_a_patch_that_fits_nowhere_is_refused_with_the_way_out():
    images = [
        StoredImage.of(noise(80, 90), "large", Path("large.png")),
        StoredImage.of(noise(50, 60), "small", Path("small.png")),
        StoredImage.of(noise(30, 40), "tiny", Path("tiny.png")),
    ]
    check_patch(images, 30)
    check_patch([], 30)
    with pytest.raises(ImageError) as caught:
        check_patch(images, 64)
    assert str(caught.value) == (
        "tiny.png: 40x30 pixels is smaller than the patch of 64: leave it out, or take "
        "--patch 30 or less"
    )
    with pytest.raises(ValueError) as caught:
        check_patch(images, 24, "shift")
    assert str(caught.value) == (
        "tiny.png: 40x30 pixels is smaller than the patch of 24 that is shifted by up to 7: leave "
        "it out, or take --patch 23 or less"
    )
    check_patch(images, 23, "shift")
    with pytest.raises(ValueError) as caught:
        check_patch(images, 0)
    assert str(caught.value) == "--patch 0: must be at least 1"


# The images that a step may draw from.


def test_a_set_that_fits_is_all_in_the_window_in_its_order():
    assert sampling_window([10] * 5, seed=0, step=7, limit=50) == (0, 1, 2, 3, 4)
    assert WINDOW_BYTES < STORE_BYTES


def test_a_window_is_a_pure_function_within_its_limit():
    sizes = [10, 20, 30] * 10
    for step in (0, 1, 29, 30, 31, 1000, 10**6):
        chosen = sampling_window(sizes, seed=3, step=step, limit=100)
        assert chosen == sampling_window(sizes, seed=3, step=step, limit=100)
        assert sum(sizes[index] for index in chosen) <= 100
        assert len(set(chosen)) == len(chosen) >= 2
    assert sampling_window(sizes, seed=4, step=0, limit=100) != sampling_window(
        sizes, seed=3, step=0, limit=100
    )
    # Pinned: a resumed run must draw from the same images on every machine and release.
    assert sampling_window(sizes, seed=3, step=1000, limit=100) == (21, 16, 5, 1, 22)


def test_a_window_takes_in_one_image_a_step_and_all_of_them_equally_often():
    sizes, seen = [10] * 30, Counter()
    before = set(sampling_window(sizes, seed=0, step=0, limit=55))
    for step in range(1, 301):
        now = set(sampling_window(sizes, seed=0, step=step, limit=55))
        assert len(now - before) <= 1
        seen.update(now)
        before = now
    assert len(seen) == 30
    assert min(seen.values()) >= 45
    assert max(seen.values()) <= 60


def test_one_large_image_does_not_narrow_the_sampling_window():
    sizes = [1] * 1999 + [300]
    for step in range(0, 4000, 37):
        chosen = sampling_window(sizes, seed=0, step=step, limit=1000)
        assert 700 <= len(chosen) <= 1000
        assert sum(sizes[index] for index in chosen) <= 1000


def test_one_image_is_chosen_even_if_it_is_too_large():
    assert len(sampling_window([100, 100], seed=0, step=0, limit=10)) == 1
