"""Losses by hand; metrics against scikit-image and by hand."""

import jax.numpy as jnp
import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

import fnnet as fn
from fnnet import losses, metrics


def pictures(height=40, width=33):
    rng = np.random.default_rng(0)
    original = rng.integers(0, 256, (2, height, width, 3), np.uint8)
    noise = rng.integers(-30, 31, original.shape)
    return original, np.clip(original + noise, 0, 255).astype(np.uint8)


def test_losses_equal_their_formulas_one_value_an_example():
    y, target = jnp.array([[1.0, 2.0], [0.0, -1.0]]), jnp.array([[0.0, 0.0], [0.0, 0.0]])
    np.testing.assert_allclose(losses.mse(y, target), [2.5, 0.5])
    np.testing.assert_allclose(losses.mae(y, target), [1.5, 0.5])
    expected = [(np.sqrt(1.01) + np.sqrt(4.01)) / 2, (0.1 + np.sqrt(1.01)) / 2]
    np.testing.assert_allclose(losses.charbonnier(y, target, epsilon=0.1), expected, rtol=1e-6)


def test_a_loss_refuses_shapes_that_would_broadcast():
    with pytest.raises(fn.LayerError) as error:
        losses.mse(jnp.zeros((2, 3)), jnp.zeros((2, 1)))
    assert str(error.value) == "the prediction's shape (2, 3) must be the target's (2, 1)"


def test_psnr_equals_scikit_image_and_is_infinite_for_equal_pictures():
    original, other = pictures()
    expected = [
        peak_signal_noise_ratio(a, b, data_range=255) for a, b in zip(original, other, strict=True)
    ]
    np.testing.assert_allclose(metrics.psnr(original, other), expected, rtol=1e-12)
    assert np.isinf(metrics.psnr(original, original)).all()


@pytest.mark.parametrize("size", [(40, 33), (11, 11), (11, 40), (300, 12), (138, 20), (139, 20)])
def test_ssim_equals_scikit_image_to_ten_digits(size):
    original, other = pictures(*size)
    expected = [
        structural_similarity(
            a,
            b,
            channel_axis=-1,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            data_range=255,
        )
        for a, b in zip(original, other, strict=True)
    ]
    np.testing.assert_allclose(metrics.ssim(original, other), expected, atol=1e-10)
    np.testing.assert_allclose(metrics.ssim(original, original), 1, rtol=1e-12)


def test_metrics_refuse_what_they_cannot_measure():
    with pytest.raises(ValueError, match=r"^ssim needs at least 11x11 pixels, got 10x40$"):
        metrics.ssim(*pictures(10, 40))
    with pytest.raises(ValueError, match="expects two equal shapes"):
        metrics.psnr(np.zeros((2, 2, 3)), np.zeros((2, 2, 3)))
    with pytest.raises(ValueError, match="expects two equal shapes"):
        metrics.psnr(np.zeros((1, 2, 2, 3)), np.zeros((1, 2, 2, 1)))


def test_grey_levels_are_rounded_and_clipped_not_cut():
    levels = metrics.to_8_bit(jnp.array([-1.0, 0.0, 0.9 / 255, 254.6 / 255, 2.0]))
    assert levels.tolist() == [0, 0, 1, 255, 255]
    assert levels.dtype == np.uint8
    with pytest.raises(ValueError, match=r"^to_8_bit: 1 values are not finite$"):
        metrics.to_8_bit(np.array([0.5, np.nan]))
