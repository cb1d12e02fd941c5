import hashlib
from pathlib import Path

import numpy as np
import pytest
from picture_builders import noise

from experiments.pictures import Picture, PictureError, check_patch, sample_batch

ARGUMENTS = {"seed": 0, "step": 0, "batch_size": 4, "patch": 8}


def sources(*sizes):
    """Pictures of these sizes with a second array that is 255 minus the first."""
    pictures = [noise(*size, seed=index) for index, size in enumerate(sizes)]
    return [(pixels, 255 - pixels) for pixels in pictures]


def coordinates(height, width, index=0):
    """A picture whose pixels tell where they lie: row, column, number of the picture."""
    rows, columns = np.mgrid[0:height, 0:width]
    return np.stack([rows, columns, np.full_like(rows, index)], axis=-1).astype(np.uint8)


def test_a_batch_is_a_pure_function_of_seed_and_step():
    pictures = sources((20, 30), (9, 8))
    before = [array.copy() for arrays in pictures for array in arrays]
    one = sample_batch(pictures, **ARGUMENTS)
    sample_batch(pictures, **(ARGUMENTS | {"step": 5}))
    two = sample_batch(pictures, **ARGUMENTS)
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))
    for change in ({"seed": 1}, {"step": 1}):
        other = sample_batch(pictures, **(ARGUMENTS | change))
        assert not np.array_equal(one[0], other[0])
    after = [array for arrays in pictures for array in arrays]
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


def test_seed_and_step_are_not_interchangeable():
    pictures = sources((20, 30))
    one = sample_batch(pictures, **(ARGUMENTS | {"seed": 1, "step": 2}))
    two = sample_batch(pictures, **(ARGUMENTS | {"seed": 2, "step": 1}))
    assert not np.array_equal(one[0], two[0])


def test_the_batch_is_the_same_on_every_machine():
    pictures = [(coordinates(40, 60, 0),), (coordinates(33, 100, 1),)]
    arguments = {"seed": 3, "step": 1000, "batch_size": 16, "patch": 24}
    (batch,) = sample_batch(pictures, **arguments)
    assert hashlib.sha256(batch.tobytes()).hexdigest()[:16] == "9bdff820a6ba8286"


@pytest.mark.parametrize("count", [1, 2, 3])
def test_arrays_that_belong_together_stay_together(count):
    pictures = [tuple(pixels + np.uint8(k) for k in range(count)) for pixels, _ in sources((20, 9))]
    batch = sample_batch(pictures, **ARGUMENTS)
    assert len(batch) == count
    for k, array in enumerate(batch):
        assert (array.shape, array.dtype) == ((4, 8, 8, 3), np.uint8)
        assert array.flags.c_contiguous
        assert np.array_equal(array, batch[0] + np.uint8(k))


def test_every_patch_is_a_turned_or_mirrored_square_of_its_picture():
    pictures = [(coordinates(40, 60, 0),), (coordinates(33, 100, 1),)]
    (batch,) = sample_batch(pictures, seed=0, step=0, batch_size=200, patch=10)
    seen = set()
    for square in batch.astype(int):
        forms = [np.rot90(mirrored, k) for mirrored in (square, square[:, ::-1]) for k in range(4)]
        fits = []
        for index, form in enumerate(forms):
            top, left, number = form[0, 0]
            whole = pictures[number][0]
            if np.array_equal(form, whole[top : top + 10, left : left + 10]):
                fits.append(index)
        assert len(fits) == 1
        seen.add(fits[0])
    assert seen == set(range(8))


def test_pictures_are_drawn_by_their_pixels_and_places_evenly():
    pictures = [(coordinates(20, 20, 0),), (coordinates(20, 60, 1),)]
    (batch,) = sample_batch(pictures, seed=0, step=0, batch_size=4000, patch=4)
    numbers = batch[:, 0, 0, 2]
    assert abs(numbers.mean() - 0.75) < 0.03
    corners = batch[numbers == 0][..., :2].min(axis=(1, 2)).astype(int)
    hits = np.bincount(corners[:, 0] * 17 + corners[:, 1], minlength=17 * 17)
    assert len(hits) == 17 * 17  # the last row and column are reached, none beyond
    rows = np.bincount(corners[:, 0], minlength=17)
    assert rows.min() > 0.5 * rows.mean()
    assert rows.max() < 1.6 * rows.mean()


def test_every_single_batch_is_spread_over_pictures_and_places():
    pictures = [(coordinates(40, 40, 0),), (coordinates(40, 120, 1),)]
    missed = []
    for step in range(100):
        (batch,) = sample_batch(pictures, seed=0, step=step, batch_size=64, patch=8)
        assert abs(np.sum(batch[:, 0, 0, 2]) - 48) <= 1
        corners = batch[batch[:, 0, 0, 2] == 1][..., :2].min(axis=(1, 2)).astype(float)
        missed.append(np.abs(corners.mean(0) - (16, 56)) / (32, 112))
    # Independent draws would miss the middle by 0.033 of the range in the mean.
    assert np.mean(missed) < 0.018


def test_pictures_of_one_pixel_are_drawn_equally_often():
    pictures = [(coordinates(1, 1, index),) for index in range(4)]
    (batch,) = sample_batch(pictures, seed=0, step=0, batch_size=4000, patch=1)
    assert np.abs(np.bincount(batch[:, 0, 0, 2], minlength=4) - 1000).max() < 120


def test_a_picture_of_the_patch_size_gives_itself():
    (batch,) = sample_batch([(noise(8, 8),)], **ARGUMENTS)
    for square in batch:
        assert np.array_equal(np.sort(square.reshape(-1)), np.sort(noise(8, 8).reshape(-1)))


@pytest.mark.parametrize(
    ("pictures", "change", "sentence"),
    [
        (sources((20, 30)), {"seed": -1}, "seed=-1 must be at least 0"),
        (sources((20, 30)), {"step": -1}, "step=-1 must be at least 0"),
        (sources((20, 30)), {"batch_size": 0}, "batch_size=0 must be at least 1"),
        (sources((20, 30)), {"patch": 0}, "patch=0 must be at least 1"),
        ([], {}, "no pictures to draw from"),
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
        (
            [(noise(20, 30, 1),)],
            {},
            "source 0 has an array of shape (20, 30, 1) and type uint8, not (H, W, 3) of uint8",
        ),
    ],
)
def test_wrong_arguments_are_refused(pictures, change, sentence):
    with pytest.raises(ValueError) as caught:
        sample_batch(pictures, **(ARGUMENTS | change))
    assert str(caught.value) == f"sample_batch: {sentence}"


def test_a_patch_that_fits_nowhere_is_refused_with_the_way_out():
    pictures = [
        Picture("large", Path("large.png"), noise(80, 90)),
        Picture("small", Path("small.png"), noise(50, 60)),
        Picture("tiny", Path("tiny.png"), noise(30, 40)),
    ]
    check_patch(pictures, 30)
    check_patch([], 30)
    with pytest.raises(PictureError) as caught:
        check_patch(pictures, 64)
    assert str(caught.value) == (
        "tiny.png: 40x30 pixels is smaller than the patch of 64: leave it out, or take "
        "--patch 30 or less"
    )
    with pytest.raises(ValueError) as caught:
        check_patch(pictures, 0)
    assert str(caught.value) == "--patch 0: must be at least 1"
