"""Metrics against loops, on what they refuse, and on rounding; JPEG's rows are test_selftest's."""

import jax.numpy as jnp
import numpy as np
import pytest
from contracts_measures import METRICS, OTHER_METRICS

from fnnet import metrics

every_metric = pytest.mark.parametrize("row", METRICS, ids=lambda row: row.name)


def images(height=40, width=33, channels=3):
    """Two blocky images and noisy versions, so that PSNR-B finds edges of blocks to punish."""
    rng = np.random.default_rng(0)
    blocks = rng.integers(0, 256, (2, -(-height // 8), -(-width // 8), channels))
    other = blocks.repeat(8, 1).repeat(8, 2)[:, :height, :width]
    other = np.clip(other + rng.integers(-9, 10, other.shape), 0, 255).astype(np.uint8)
    noise = rng.integers(-30, 31, other.shape)
    return np.clip(other + noise, 0, 255).astype(np.uint8), other


def test_every_metric_has_a_row():
    assert {row.name for row in METRICS} | OTHER_METRICS == set(metrics.__all__)


@every_metric
def test_values_equal_the_definitions(row):
    measure = getattr(metrics, row.name)
    for size in row.sizes:
        original, other = images(*size)
        values = measure(original, other)
        assert values.shape == (2,) and values.dtype == np.float64
        np.testing.assert_allclose(values, row.oracle(original, other), rtol=0, atol=1e-10)
        np.testing.assert_array_equal(measure(jnp.asarray(original), jnp.asarray(other)), values)
        floats = measure(original.astype(np.float64), other.astype(np.float64))
        np.testing.assert_array_equal(floats, values)


@every_metric
def test_one_image_has_its_value_in_a_batch(row):
    measure = getattr(metrics, row.name)
    original, other = images(*row.sizes[0])
    value = measure(original[1], other[1])
    assert value.shape == () and value.dtype == np.float64
    assert value == measure(original, other)[1]
    assert measure(jnp.asarray(original[1]), jnp.asarray(other[1])) == value


@every_metric
def test_equal_images_are_the_best(row):
    height, width, channels = row.sizes[0]
    flat = np.full((1, height, width, channels), 200, np.uint8)
    assert getattr(metrics, row.name)(flat, flat) == [row.best]


def test_blocks_cost_decibels_and_only_the_second_image_s_are_counted():
    smooth, blocky = images(64, 48, 1)
    for name in ("psnrb", "psnrb_channels"):
        measure = getattr(metrics, name)
        assert (measure(smooth, blocky) < metrics.psnr(smooth, blocky) - 1).all()
        shifted = np.roll(blocky, 4, (1, 2))
        np.testing.assert_array_equal(measure(smooth, shifted), metrics.psnr(smooth, shifted))


@pytest.mark.parametrize("name", ["ssim", "ssim_uniform7", "ssim_box8", "ms_ssim"])
def test_strips_of_rows_give_what_the_whole_gives(name, monkeypatch):
    original, other = images(170, 161, 1)
    values = getattr(metrics, name)(original, other)
    for rows in (1 if name != "ms_ssim" else 7, 1000):
        monkeypatch.setattr(metrics, "_STRIP", rows)
        np.testing.assert_allclose(getattr(metrics, name)(original, other), values, rtol=1e-13)


@every_metric
def test_what_cannot_be_measured_is_refused_in_a_sentence(row):
    measure = getattr(metrics, row.name)
    for shapes in (
        ((2, 3), (2, 3)),
        ((1, 1, 2, 2, 3), (1, 1, 2, 2, 3)),
        ((2, 2, 3), (1, 2, 2, 3)),
        ((1, 2, 2, 3), (1, 2, 2, 1)),
    ):
        with pytest.raises(ValueError) as error:
            measure(*map(np.zeros, shapes))
        assert str(error.value) == (
            f"expects two equal shapes (N, H, W, C) or (H, W, C), got {shapes[0]} and {shapes[1]}"
        )
    if row.least > 1:
        for height, width in ((row.least - 1, 300), (300, row.least - 1)):
            with pytest.raises(ValueError) as error:
                measure(*images(height, width))
            assert str(error.value) == (
                f"{row.name} needs at least {row.least}x{row.least} pixels, got {height}x{width}"
            )


@every_metric
def test_images_in_0_to_1_and_not_finite_ones_are_refused(row):
    original, other = images(*row.sizes[0])
    small = other / 255
    for pair in ((original, small), (small, other), (small.astype(jnp.bfloat16), other)):
        with pytest.raises(ValueError) as error:
            getattr(metrics, row.name)(*pair)
        assert str(error.value) == (
            "expects grey levels 0..255, got floats of at most 1; to_8_bit makes grey levels of "
            "these"
        )
    small[0, 0, 0, 0] = np.nan
    with pytest.raises(ValueError) as error:
        getattr(metrics, row.name)(original, small)
    assert str(error.value) == "expects grey levels 0..255, 1 values are not finite"


def test_black_images_are_grey_levels():
    black = np.zeros((1, 4, 4, 1))
    assert metrics.psnr(black, black + 255) == [0]


def test_psnrb_knows_the_luma_of_one_and_three_channels():
    with pytest.raises(ValueError, match=r"^psnrb expects 1 or 3 channels, got 4$"):
        metrics.psnrb(*images(16, 16, 4))


def test_rates_count_the_whole_file():
    assert metrics.bits_per_pixel(1000, 20, 40) == 10
    whole = r"must be an integer of at least"
    with pytest.raises(ValueError, match=rf"^bits_per_pixel: height=0 {whole} 1$"):
        metrics.bits_per_pixel(1000, 0, 40)
    with pytest.raises(ValueError, match=rf"^bits_per_pixel: width=2\.5 {whole} 1$"):
        metrics.bits_per_pixel(1000, 20, 2.5)
    with pytest.raises(ValueError, match=rf"^bits_per_pixel: file_bytes=-1 {whole} 0$"):
        metrics.bits_per_pixel(-1, 20, 40)


def test_grey_levels_are_rounded_and_clipped_not_cut():
    levels = metrics.to_8_bit(jnp.array([-1.0, 0.0, 0.9 / 255, 254.6 / 255, 2.0]))
    assert levels.tolist() == [0, 0, 1, 255, 255]
    assert levels.dtype == np.uint8
    with pytest.raises(ValueError, match=r"^to_8_bit: 1 values are not finite$"):
        metrics.to_8_bit(np.array([0.5, np.nan]))
    for dtype in ("uint8", "int64", "bool"):
        sentence = rf"^to_8_bit expects floats in 0\.\.1, got {dtype}: grey levels already\?$"
        with pytest.raises(ValueError, match=sentence):
            metrics.to_8_bit(np.ones(3, dtype))
    assert metrics.to_8_bit(jnp.ones(1, jnp.bfloat16)).tolist() == [255]
