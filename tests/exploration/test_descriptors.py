"""Descriptors of synthetic images, against known values."""

import numpy as np
import pytest
from image_builders import noise, smooth
from skimage import data

from experiments.exploration import artefacts, descriptors
from experiments.images import jpeg_version


def noisy(sigma, height=240, width=300, seed=0, under=120.0):
    drawn = np.random.default_rng(seed).normal(0, sigma, (height, width))
    return np.clip(np.rint(under + drawn), 0, 255).astype(np.float32)


def photograph():
    return data.coffee()[:256, 64:384]


def blurred(luma, times):
    for _ in range(times):
        luma = (
            luma + np.roll(luma, 1, 0) + np.roll(luma, 1, 1) + np.roll(luma, (1, 1), (0, 1))
        ) / 4
    return luma


def test_luma_is_that_of_jpeg_files():
    primaries = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]], np.uint8)
    expected = [0.299 * 255, 0.587 * 255, 0.114 * 255, 255]
    np.testing.assert_allclose(descriptors.luma(primaries)[0], expected, rtol=1e-5)


def test_brightness_and_contrast_of_a_checkerboard():
    board = np.indices((8, 8)).sum(0) % 2 * 100.0 + 50
    assert descriptors.brightness(board) == 100
    assert descriptors.contrast(board) == 50


def test_colorfulness_is_nothing_for_grey_and_follows_the_formula():
    grey = np.repeat(noise(channels=1), 3, axis=-1)
    assert descriptors.colorfulness(grey) == 0
    halves = np.zeros((2, 2, 3), np.uint8)
    halves[0, :, 0] = 200  # red above black: rg is 200 and 0, yb is 100 and 0
    expected = np.hypot(100, 50) + 0.3 * np.hypot(100, 50)
    assert descriptors.colorfulness(halves) == pytest.approx(expected)


def test_colorfulness_rises_with_saturation():
    pixels = photograph().astype(np.float64)
    grey = pixels.mean(-1, keepdims=True)
    values = [
        descriptors.colorfulness((grey + share * (pixels - grey)).astype(np.uint8))
        for share in (0.25, 0.5, 1)
    ]
    assert values == sorted(values) and values[2] > 3 * values[0]


@pytest.mark.parametrize("sigma", [2, 5, 10, 25])
def test_noise_on_a_flat_image_is_found_within_5_per_cent(sigma):
    for seed in range(3):
        assert descriptors.noise_sigma(noisy(sigma, seed=seed)) == pytest.approx(sigma, rel=0.05)


@pytest.mark.parametrize("sigma", [10, 20])
def test_noise_on_a_photograph_is_found_within_12_per_cent(sigma):
    luma = descriptors.luma(photograph())
    before = descriptors.noise_sigma(luma)
    drawn = np.random.default_rng(0).normal(0, sigma, luma.shape)
    estimate = descriptors.noise_sigma(luma + drawn)
    assert estimate == pytest.approx(np.hypot(before, sigma), rel=0.12)


def test_where_there_is_no_noise_none_is_found():
    assert descriptors.noise_sigma(np.full((64, 64), 7.0)) == 0
    assert descriptors.noise_sigma(descriptors.luma(smooth(200, 300))) < 0.5
    assert descriptors.noise_sigma(blurred(descriptors.luma(photograph()), 6)) < 0.5
    assert descriptors.noise_sigma(noisy(5, 38, 38)) is None
    assert descriptors.noise_sigma(noisy(5, 39, 39)) is not None


def test_sharpness_falls_with_blur_and_not_with_contrast():
    luma = descriptors.luma(photograph())
    values = [descriptors.sharpness(blurred(luma, times)) for times in (0, 1, 3, 8)]
    assert values == sorted(values, reverse=True) and values[0] > 2 * values[3]
    assert descriptors.sharpness(luma / 4 + 50) == pytest.approx(values[0], abs=1e-3)
    assert descriptors.sharpness(noisy(20)) > 0.8


def test_sharpness_is_of_the_less_sharp_direction():
    luma = noisy(30)
    along = luma
    for _ in range(9):
        along = (along + np.roll(along, 1, 0)) / 2
    assert descriptors.sharpness(along) == pytest.approx(descriptors.sharpness(along.T))
    assert descriptors.sharpness(along) < 0.85 * descriptors.sharpness(luma)


def test_sharpness_of_a_step_follows_the_definition():
    """One step of 9: averaged over 9 pixels it is a ramp of ones, which takes 8 of it."""
    step = np.zeros((30, 30))
    step[15:] = 9
    assert descriptors.sharpness(step) == pytest.approx(8 / 9)
    assert descriptors.sharpness(np.zeros((30, 30))) is None
    assert descriptors.sharpness(step[:10]) is None


def test_blockiness_is_one_on_noise_and_high_on_jpeg():
    for seed in range(3):
        assert descriptors.blockiness(noisy(20, seed=seed)) == pytest.approx(1, abs=0.02)
    luma = descriptors.luma(photograph())
    assert descriptors.blockiness(luma) == pytest.approx(1, abs=0.05)
    values = [
        descriptors.blockiness(descriptors.luma(jpeg_version(photograph(), quality)[0]))
        for quality in (80, 40, 20, 10, 5)
    ]
    assert values == sorted(values) and values[2] > 1.5 and values[4] > 3


def test_blockiness_of_blocks_and_of_nothing():
    blocks = np.kron(noise(8, 8, 1)[..., 0], np.ones((8, 8)))
    assert 100 < descriptors.blockiness(blocks) < np.inf
    assert descriptors.blockiness(blocks, (3, 3)) == pytest.approx(1)
    assert descriptors.blockiness(np.zeros((64, 64))) == pytest.approx(1)
    assert descriptors.blockiness(np.zeros((15, 64))) is None


def test_a_frame_or_a_horizon_is_no_grid():
    luma = noisy(4, 256, 256)
    luma[:1], luma[:, -1:], luma[128:] = 0, 255, luma[128:] - 100
    assert descriptors.blockiness(luma) == pytest.approx(1, abs=0.05)
    assert descriptors.strongest_grid(luma)[0] == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("cut", [(0, 0), (3, 5), (7, 1)])
def test_the_grid_of_an_earlier_compression_is_found_where_it_lies(cut):
    image = data.astronaut()[100:400, 100:420]
    decoded = jpeg_version(image, 30)[0][cut[0] :, cut[1] :]
    value, offset = descriptors.strongest_grid(descriptors.luma(decoded))
    assert offset == tuple(-shift % 8 for shift in cut)
    assert value > 1.4
    assert value == descriptors.blockiness(descriptors.luma(decoded), offset)
    assert descriptors.strongest_grid(descriptors.luma(image))[0] < 1.05


def test_histograms_share_out_all_pixels():
    pixels = noise(32, 32)
    shares = descriptors.histogram(pixels, descriptors.luma(pixels))
    assert shares.shape == (4, 256)
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    assert shares[1, pixels[0, 0, 0]] > 0


def test_rank_correlation():
    assert descriptors.rank_correlation([1, 2, 3, 9], [10, 20, 30, 31]) == (pytest.approx(1), 4)
    assert descriptors.rank_correlation([1, 2, 3, 9], [5, 4, 3, -9]) == (pytest.approx(-1), 4)
    # Ranks (1.5, 1.5, 3, 4) and (1, 2, 3, 4), Pearson's correlation of them by hand.
    value, _ = descriptors.rank_correlation([1, 1, 2, 3], [1, 2, 3, 4])
    assert value == pytest.approx(4.5 / 22.5**0.5)
    assert descriptors.rank_correlation([1, 2], [1, 2]) == (None, 2)
    assert descriptors.rank_correlation([1, 1, 1], [1, 2, 3]) == (None, 3)


def test_rank_correlation_is_over_the_pairs_that_are_finite():
    x = [1, None, 2, np.nan, 3, np.inf, 4]
    y = [1, -9, 2, -9, 3, -9, np.nan]
    assert descriptors.rank_correlation(x, y) == (pytest.approx(1), 3)
    assert descriptors.rank_correlation([], []) == (None, 0)


# Close-ups.


def test_artefacts_are_found_where_they_were_put():
    original = np.full((240, 320, 3), 128, np.uint8)
    original[:, :, 0] += (np.arange(320) // 4).astype(np.uint8)
    original[160:224, 20:80:8] = 0  # bars: edges beside flat areas
    decoded = original.copy()
    rows, columns = np.indices((64, 64)) // 8
    decoded[16:80, 24:88] += (6 * ((rows + columns) % 2)).astype(np.uint8)[..., None]
    decoded[160:224, 16:80] -= (4 * (np.indices((64, 64))[1] % 2)).astype(np.uint8)[..., None] * (
        decoded[160:224, 16:80] > 9
    )
    decoded[144:208, 240:304, 2] += 60
    close_ups = artefacts.find_close_ups(original, decoded)
    corners = {name: (square.top, square.left) for name, square in close_ups.items()}
    assert corners == {
        "blocking": (16, 24),
        "ringing": (160, 16),
        "colour bleeding": (144, 240),
    }
    assert close_ups["blocking"].cut(decoded).shape == (64, 64, 3)


def test_grey_images_do_not_bleed_and_small_ones_have_no_close_ups():
    grey = np.repeat(photograph()[..., :1], 3, axis=-1)
    close_ups = artefacts.find_close_ups(grey, jpeg_version(grey, 10)[0])
    assert "colour bleeding" not in close_ups and "blocking" in close_ups
    small = photograph()[:79]
    assert artefacts.find_close_ups(small, jpeg_version(small, 10)[0]) == {}


def test_a_perfect_version_shows_nothing_but_the_original_s_own_steps():
    pixels = photograph()
    assert set(artefacts.find_close_ups(pixels, pixels)) <= {"blocking"}
