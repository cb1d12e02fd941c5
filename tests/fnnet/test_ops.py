"""Array functions over random sizes and settings, and against independent libraries."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest
import scipy.fft
from hypothesis import given, settings
from hypothesis import strategies as st

import fnnet as fn
from fnnet import ops

PAIRS = st.tuples(*[st.integers(1, 3)] * 2)


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


@st.composite
def convolutions(draw):
    """An image's size and the settings of a convolution that fits it."""
    kernel, dilation = draw(PAIRS), draw(PAIRS)
    padding = draw(st.sampled_from(["same", "valid", "reflect", "edge", ((1, 0), (2, 3))]))
    covered = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    least = max(covered) if padding in ("valid", "reflect") else 1
    explicit = not isinstance(padding, str)
    size = tuple(draw(st.integers(max(c if explicit else 1, least), 9)) for c in covered)
    settings = {"stride": draw(PAIRS), "dilation": dilation, "padding": padding}
    return size, kernel, settings | {"groups": draw(st.sampled_from([1, 2]))}


@settings(max_examples=30, deadline=None)
@given(convolutions())
def test_convolution_equals_the_loop_for_every_setting(case):
    size, kernel_size, given = case
    x, kernel = drawn(1, *size, 2), drawn(*kernel_size, 2 // given["groups"], 2, seed=1)
    expected = oracles.conv2d(x, kernel, 0, **given)
    with jax.enable_x64(True):
        found = ops.conv2d(jnp.asarray(x), jnp.asarray(kernel), **given)
    np.testing.assert_allclose(found, expected, 1e-12, 1e-12)


@settings(max_examples=15, deadline=None)
@given(st.tuples(*[st.integers(1, 7)] * 2), PAIRS, PAIRS)
def test_pooling_equals_the_loop_for_every_setting(size, window, stride):
    size = tuple(max(s, w) for s, w in zip(size, window, strict=True))
    x = drawn(1, *size, 2).astype(np.float32)
    pools = ((ops.max_pool, np.max), (ops.avg_pool, np.mean))
    pooled = jax.jit(lambda x: [pool(x, window=window, stride=stride) for pool, _ in pools])(x)
    for y, (_, reduce) in zip(pooled, pools, strict=True):
        expected = oracles.pool(x, reduce, window=window, stride=stride)
        np.testing.assert_allclose(y, expected, 1e-6, 1e-6)


@settings(max_examples=5, deadline=None)
@given(st.tuples(*[st.integers(1, 9)] * 2), st.tuples(*[st.integers(1, 12)] * 2))
def test_resampling_to_any_size_equals_jax_s_own(size, target):
    x = jnp.asarray(drawn(1, *size, 2), jnp.float32)
    for method in ("nearest", "bilinear"):
        ours = jax.jit(partial(ops.resize, size=target, method=method))(x)
        theirs = jax.image.resize(x, (1, *target, 2), method)
        np.testing.assert_allclose(ours, theirs, atol=2e-6)


def test_a_size_that_is_a_multiple_is_a_factor():
    x = jnp.asarray(drawn(1, 4, 5, 2), jnp.float32)
    for method in ("nearest", "bilinear"):
        by_size = jax.jit(partial(ops.resize, size=(12, 15), method=method))(x)
        by_factor = jax.jit(partial(ops.resize, factor=3, method=method))(x)
        np.testing.assert_allclose(by_size, by_factor, atol=1e-6)


FLOATS = st.floats(-80, 80, width=32)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(oracles.ACTIVATIONS)), FLOATS)
def test_activations_are_right_to_the_last_digits_for_any_value(name, value):
    found = float(ACTIVATIONS[name](jnp.float32(value)))
    expected = oracles.ACTIVATIONS[name](float(np.float32(value)))
    # Relative, so that tails count too, but where straight lines end; below 1e-37 all is 0.
    ends = 1e-37 + (1e-6 * abs(value) if name.startswith("hard") else 0)
    assert abs(found - expected) <= 2e-5 * abs(expected) + ends


ACTIVATIONS = {name: jax.jit(getattr(ops, name)) for name in oracles.ACTIVATIONS}


@settings(max_examples=30, deadline=None)
@given(st.lists(FLOATS, min_size=3, max_size=3), st.floats(0.01, 10))
def test_norms_and_quantisation_are_right_for_any_values(values, temperature):
    with jax.enable_x64(True):
        x = jnp.asarray([values])
        ones, nothing = np.ones(3), np.zeros(3)
        normed = ops.layer_norm(x, ones, nothing)
        np.testing.assert_allclose(
            normed, oracles.layer_norm(np.array([values]), ones, nothing), 1e-9, 1e-9
        )
        divided = ops.gdn(x, ones, np.eye(3))
        np.testing.assert_allclose(divided, x / np.sqrt(1 + np.square(x)), 1e-12, 1e-12)
        rounded = ops.soft_round(x, temperature=temperature)
        expected = [oracles.soft_round(value, temperature) for value in values]
        np.testing.assert_allclose(rounded[0], expected, 1e-9, 1e-9)
        np.testing.assert_array_equal(ops.round_straight_through(x)[0], np.rint(values))


@settings(max_examples=10, deadline=None)
@given(st.integers(1, 6), st.integers(1, 6), st.data())
def test_adaptive_pooling_equals_the_loop_for_any_size(height, width, data):
    size = data.draw(st.integers(1, height)), data.draw(st.integers(1, width))
    x = drawn(1, height, width, 2).astype(np.float32)
    found = jax.jit(partial(ops.adaptive_avg_pool, size=size))(x)
    np.testing.assert_allclose(found, oracles.adaptive(x, size), 1e-5, 1e-6)


def test_the_block_transform_equals_scipy_s_and_its_inverse_undoes_it():
    x = drawn(2, 16, 24, 3)
    with jax.enable_x64(True):
        found = ops.block_dct(jnp.asarray(x))
        back = ops.block_idct(found)
    blocks = x.reshape(2, 2, 8, 3, 8, 3)
    expected = scipy.fft.dctn(blocks, axes=(2, 4), norm="ortho").transpose(0, 1, 3, 2, 4, 5)
    np.testing.assert_allclose(found, expected.reshape(2, 2, 3, 192), 1e-12, 1e-12)
    np.testing.assert_allclose(back, x, 1e-12, 1e-12)
    np.testing.assert_allclose(found[..., :3], 8 * blocks.mean((2, 4)), 1e-12, 1e-12)


def test_gdn_is_undone_by_iterating_from_its_inverse():
    """The inverse is one step of ``x <- y sqrt(beta + gamma x²)``, which converges to the input."""
    rng = np.random.default_rng(0)
    with jax.enable_x64(True):
        x = jnp.asarray(rng.normal(size=(5, 7, 4)))
        beta, gamma = jnp.asarray(rng.uniform(0.5, 2, 4)), jnp.asarray(rng.uniform(0, 0.2, (4, 4)))
        y = ops.gdn(x, beta, gamma)
        found = y
        first = ops.gdn(y, beta, gamma, inverse=True)
        for step in range(400):
            pool = beta[None, None] + jnp.square(found) @ gamma.T
            found = y * jnp.sqrt(pool)
            if step == 0:
                np.testing.assert_allclose(found, first, 1e-12)
        np.testing.assert_allclose(found, x, 1e-9, 1e-9)
    assert np.abs(first - x).mean() < np.abs(y - x).mean()


def test_without_other_channels_gdn_and_its_inverse_are_scalings_that_cancel():
    x = jnp.asarray(drawn(2, 3), jnp.float32)
    beta, gamma = jnp.array([1.0, 4.0, 9.0]), jnp.zeros((3, 3))
    y = ops.gdn(x, beta, gamma)
    np.testing.assert_allclose(y, np.asarray(x) / [1, 2, 3], rtol=1e-6)
    np.testing.assert_allclose(ops.gdn(y, beta, gamma, inverse=True), x, rtol=1e-6)


def test_gdn_learns_every_weight_and_never_leaves_its_domain():
    layer = fn.gdn()
    params, state = layer.init(jax.random.key(0), (3,))
    x = jnp.asarray(drawn(8, 3), jnp.float32)
    gradient = jax.grad(lambda p: jnp.square(layer.apply(p, state, x)[0]).sum())
    gradient = jax.tree.map(np.asarray, jax.jit(gradient)(params))
    assert (gradient["gamma_root"] != 0).all() and (gradient["beta_root"] != 0).all()
    far = jax.tree.map(lambda p: p - 50, params)
    assert jnp.isfinite(layer.apply(far, state, x)[0]).all()
    y, _ = layer.apply(params, state, x)
    np.testing.assert_allclose(y, x / jnp.sqrt(1 + 0.1 * x**2), rtol=1e-5)


def test_rounding_hands_the_gradient_on_in_every_mode():
    x = jnp.array([-1.5, -0.5, 0.2, 0.5, 2.5, 1e30])
    np.testing.assert_array_equal(ops.round_straight_through(x), np.float32([-2, 0, 0, 0, 2, 1e30]))
    gradient = jax.grad(lambda x: (ops.round_straight_through(x) * x[::-1]).sum())
    by_hand = x[::-1] + ops.round_straight_through(x)[::-1]
    np.testing.assert_allclose(gradient(x), by_hand, rtol=1e-6)
    assert jax.jvp(ops.round_straight_through, (x,), (2 * x,))[1][2] == 0.4
    assert not jax.hessian(lambda x: ops.round_straight_through(x).sum())(x).any()


def test_noise_is_even_and_as_wide_as_a_step():
    noise = ops.add_uniform_noise(jnp.zeros(100_000), jax.random.key(0))
    assert -0.5 <= noise.min() < -0.499 and 0.499 < noise.max() < 0.5
    assert abs(noise.mean()) < 0.005 and abs(noise.var() * 12 - 1) < 0.02


def test_quantising_rounds_in_use_and_is_noisy_or_rounds_in_training():
    x, key = jnp.full((1, 1000), 0.3), jax.random.key(0)
    for training, values in (("noise", 1000), ("straight_through", 1)):
        layer = fn.quantize(training)
        assert not layer.apply({}, {}, x)[0].any()
        y, _ = layer.apply({}, {}, x, key=key, train=True)
        assert len(np.unique(y)) > 0.9 * values


@pytest.mark.parametrize("jit", [False, True])
def test_soft_rounding_goes_from_the_identity_to_rounding(jit):
    soft_round = lambda x, t: ops.soft_round(x, temperature=t)  # noqa: E731
    soft_round = jax.jit(soft_round) if jit else soft_round
    x = jnp.linspace(-2.4, 2.4, 49)
    np.testing.assert_allclose(soft_round(x, 1e4), x, atol=1e-5)
    away = abs(x - jnp.floor(x) - 0.5) > 0.05
    np.testing.assert_allclose(soft_round(x, 1e-3)[away], jnp.round(x)[away], atol=1e-5)
    whole_and_half = jnp.arange(-4, 5) / 2
    for temperature in (1e-3, 0.1, 1.0):
        np.testing.assert_allclose(
            soft_round(whole_and_half, temperature), whole_and_half, atol=1e-6
        )
    assert (jnp.diff(soft_round(x, 0.2)) > 0).all()


def test_spatial_dropout_drops_whole_channels_of_an_example():
    y = ops.spatial_dropout(jnp.ones((200, 3, 2, 5)), jax.random.key(0), rate=0.25)
    per_channel = y.reshape(200, 6, 5)
    assert (per_channel == per_channel[:, :1]).all()
    assert abs((per_channel[:, 0] == 0).mean() - 0.25) < 0.05
    np.testing.assert_allclose(y[y != 0], 4 / 3, rtol=1e-4)


def test_softmax_is_a_distribution_for_any_numbers():
    x = jnp.array([[0.0, 0.0], [1e30, -1e30], [1000.0, 999.0]])
    y = ops.softmax(x)
    np.testing.assert_allclose(y.sum(-1), 1, rtol=1e-6)
    np.testing.assert_allclose(y[1], [1, 0])
    np.testing.assert_allclose(y[2], [1 / (1 + np.exp(-1)), 1 / (1 + np.exp(1))], rtol=1e-6)


def test_norms_are_right_far_from_the_origin():
    x = jnp.asarray(drawn(2, 8, 8, 4) + 1000, jnp.float32)
    ones, nothing = jnp.ones(4), jnp.zeros(4)
    for y, axes in (
        (ops.layer_norm(x, ones, nothing), (3,)),
        (ops.instance_norm(x, ones, nothing), (1, 2)),
        (ops.group_norm(x, ones, nothing, groups=1), (1, 2, 3)),
    ):
        # One part in 16 million of 1000, over a spread that in four channels may be small.
        np.testing.assert_allclose(np.asarray(y).mean(axes), 0, atol=5e-3)
        np.testing.assert_allclose(np.asarray(y).var(axes), 1, atol=5e-3)


def test_one_group_a_channel_is_instance_norm_and_needs_no_neighbours_in_the_batch():
    x = jnp.asarray(drawn(3, 4, 4, 6), jnp.float32)
    scale, offset = jnp.arange(1.0, 7.0), jnp.arange(6.0)
    together = ops.group_norm(x, scale, offset, groups=6)
    alone = [ops.instance_norm(one[None], scale, offset)[0] for one in x]
    np.testing.assert_allclose(together, jnp.stack(alone), atol=1e-5)
