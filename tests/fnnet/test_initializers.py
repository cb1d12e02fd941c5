"""Initialisers: the distributions that they name, and what they promise of a matrix."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from contracts_initializers import INITIALIZERS, key

import fnnet as fn
from fnnet import initializers

KERNEL = (3, 3, 40, 60)


VARIANCES = {
    "glorot_normal": 2 / (360 + 540),
    "glorot_uniform": 2 / (360 + 540),
    "he_normal": 2 / 360,
    "he_uniform": 2 / 360,
    "icnr": 1 / 360,
    "lecun_normal": 1 / 360,
    "lecun_uniform": 1 / 360,
    "normal": 0.25,
    "orthogonal": 1 / 360,
    "truncated_normal": 0.25,
    "uniform": 9 / 12,
}


def test_every_public_initialiser_has_a_row():
    assert set(initializers.__all__) == set(INITIALIZERS)


@pytest.mark.parametrize("name", INITIALIZERS)
def test_a_draw_depends_on_the_key_alone_and_has_the_dtype_asked_for(name):
    draw = INITIALIZERS[name]()
    first, again = draw(key(), (3, 3, 4, 8)), jax.jit(draw, static_argnums=1)(key(), (3, 3, 4, 8))
    assert first.shape == (3, 3, 4, 8) and first.dtype == jnp.float32
    np.testing.assert_allclose(first, again, rtol=1e-5, atol=1e-6)
    other = draw(key(1), (3, 3, 4, 8))
    assert np.array_equal(first, other) == (name in ("constant", "zeros"))
    assert draw(key(), (3, 3, 4, 8), jnp.bfloat16).dtype == jnp.bfloat16


@pytest.mark.parametrize("name", VARIANCES)
def test_a_draw_has_the_mean_and_variance_that_it_names(name):
    drawn = INITIALIZERS[name]()(key(), KERNEL)
    independent = drawn.size // (4 if name == "icnr" else 1)
    assert abs(drawn.var() / VARIANCES[name] - 1) < 4 * np.sqrt(2 / independent)
    mean = 0.5 if name == "uniform" else 0.0
    assert abs(drawn.mean() - mean) < 4 * np.sqrt(VARIANCES[name] / independent)


def test_bounds_are_kept():
    assert (initializers.constant(3.0)(None, (2,)) == 3).all()
    assert not initializers.zeros()(None, (2,)).any()
    even = initializers.uniform(-1, 2)(key(), (10_000,))
    assert -1 <= even.min() < -0.99 and 1.99 < even.max() < 2
    cut = initializers.truncated_normal(0.5)(key(), (10_000,))
    assert 1.1 < abs(cut).max() <= 2 * 0.5 / 0.8796
    limit = np.sqrt(3 / 360)
    even = initializers.lecun_uniform()(key(), KERNEL)
    assert 0.99 * limit < abs(even).max() <= limit


@pytest.mark.parametrize("shape", [(40, 10), (10, 40), (3, 3, 4, 50), (2, 2, 8, 8)])
def test_orthogonal_kernels_are_rotations_as_matrices(shape):
    matrix = initializers.orthogonal(2.0)(key(), shape).reshape(-1, shape[-1])
    matrix = matrix if matrix.shape[0] >= matrix.shape[1] else matrix.T
    np.testing.assert_allclose(matrix.T @ matrix, 4 * np.eye(matrix.shape[1]), atol=1e-5)


def test_rotations_of_float64_are_exact_to_float64():
    with jax.enable_x64(True):
        matrix = initializers.orthogonal()(key(), (12, 5), jnp.float64)
        centre = initializers.delta_orthogonal()(key(), (3, 3, 5, 5), jnp.float64)[1, 1]
        for columns in (matrix, centre):
            np.testing.assert_allclose(columns.T @ columns, np.eye(5), atol=1e-12)


@pytest.mark.parametrize("factor", [0, 1.5])
def test_a_factor_that_is_no_count_is_refused(factor):
    with pytest.raises(fn.LayerError) as error:
        initializers.icnr(factor)
    assert str(error.value) == f"icnr: factor={factor} must be an integer of at least 1"


def test_rotations_are_drawn_evenly():
    """The mean of many is 0: a factorisation that fixes signs would leave a bias."""
    keys = jax.random.split(key(), 2000)
    drawn = jax.vmap(lambda key: initializers.orthogonal()(key, (2, 2)))(keys)
    assert abs(drawn.mean(0)).max() < 0.06
    assert 0.4 < (jnp.linalg.det(drawn) > 0).mean() < 0.6


def test_a_delta_orthogonal_convolution_keeps_lengths():
    kernel = initializers.delta_orthogonal()(key(), (3, 5, 4, 6))
    x = jnp.asarray(np.random.default_rng(0).normal(size=(2, 6, 7, 4)), jnp.float32)
    y = fn.ops.conv2d(x, kernel)
    np.testing.assert_allclose((y**2).sum(-1), (x**2).sum(-1), rtol=1e-5)


def test_icnr_makes_pixel_shuffle_repeat_pixels():
    model = fn.serial(
        fn.conv2d(3 * 9, 3, kernel_init=initializers.icnr(3, initializers.he_normal())),
        fn.depth_to_space(3),
    )
    params, state = model.init(key(), (4, 5, 2))
    x = jnp.asarray(np.random.default_rng(0).normal(size=(1, 4, 5, 2)), jnp.float32)
    y, _ = model.apply(params, state, x)
    np.testing.assert_allclose(y, fn.ops.resize(y[:, ::3, ::3], factor=3, method="nearest"), 1e-6)


def test_initialisers_print_as_they_were_written():
    assert repr(initializers.icnr(2, initializers.orthogonal(0.5))) == (
        "icnr(factor=2, initializer=orthogonal(gain=0.5))"
    )
