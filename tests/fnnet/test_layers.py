"""What single layers promise beyond the contract: refusals word for word, hand computations."""

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import fnnet as fn
from fnnet import core, random

RGB = (8, 8, 3)


def start(layer, in_shape=RGB):
    return layer.init(jax.random.key(0), in_shape)


def test_printing_a_model_shows_its_tree_with_arguments():
    block = fn.shared(fn.prelu())
    model = fn.serial(
        block,
        fn.group_norm(2),
        block,
        encoder=fn.serial(fn.dense(3), fn.dense(2, kernel_init=fn.initializers.orthogonal(2.0))),
        out=fn.dropout(0.5),
    )
    assert str(model).split("\n") == [
        "serial(order=('shared_0', 'group_norm_0', 'shared_0', 'encoder', 'out'))",
        "  shared_0: shared()",
        "    prelu_0: prelu(slope_init=constant(value=0.25))",
        "  group_norm_0: group_norm(groups=2, epsilon=1e-05)",
        "  encoder: serial()",
        "    dense_0: dense(features=3, use_bias=True)",
        "    dense_1: dense(features=2, use_bias=True, kernel_init=orthogonal(gain=2.0))",
        "  out: dropout(rate=0.5)",
    ]


def test_an_inserted_layer_leaves_the_others_weights_as_they_were():
    plain = fn.serial(fn.conv2d(4, 3), fn.relu, fn.conv2d(2, 3))
    longer = fn.serial(fn.conv2d(4, 3), fn.batch_norm(), fn.relu, fn.dropout(0.1), fn.conv2d(2, 3))
    a, b = start(plain)[0], start(longer)[0]
    for name in a:
        np.testing.assert_array_equal(a[name]["kernel"], b[name]["kernel"])
    assert set(b) - set(a) == {"batch_norm_0"}


def test_children_of_one_shape_start_from_different_weights():
    params, _ = start(fn.serial(fn.conv2d(3, 3), fn.conv2d(3, 3)))
    assert not np.array_equal(params["conv2d_0"]["kernel"], params["conv2d_1"]["kernel"])


def test_two_dropouts_in_a_row_drop_differently():
    x = jnp.ones((1, 1000))
    model = fn.serial(fn.dropout(0.5), fn.dropout(0.5))
    y, _ = model.apply({}, {}, x, key=jax.random.key(0), train=True)
    assert 200 < (y != 0).sum() < 300


def test_dropout_drops_its_rate_and_keeps_the_mean():
    x = jnp.ones((100_000,))
    for rate in (0.1, 0.5, 0.9):
        y = fn.ops.dropout(x, jax.random.key(1), rate=rate)
        assert abs((y == 0).mean() - rate) < 0.006
        np.testing.assert_allclose(y[y != 0], 1 / (1 - rate), rtol=2e-4)
    assert fn.ops.dropout(x, jax.random.key(1), rate=0.0) is x


def test_running_statistics_equal_a_computation_by_hand():
    layer = fn.batch_norm(momentum=0.75)
    params, state = start(layer, (2,))
    x = jnp.array([[1.0, 10.0], [3.0, 30.0], [5.0, 80.0]])
    _, state = layer.apply(params, state, x, train=True)
    np.testing.assert_allclose(state["mean"], [0.25 * 3, 0.25 * 40])
    # Unbiased variances of the columns: 4 and 1300.
    np.testing.assert_allclose(state["variance"], [0.75 + 0.25 * 4, 0.75 + 0.25 * 1300])


def test_batch_norm_in_training_gives_mean_0_and_variance_1_far_from_the_origin():
    layer = fn.batch_norm()
    params, state = start(layer, (2,))
    x = jnp.asarray(np.random.default_rng(0).normal(size=(64, 8, 8, 2)) + 1000, jnp.float32)
    y, state = layer.apply(params, state, x, train=True)
    np.testing.assert_allclose(y.mean((0, 1, 2)), 0, atol=2e-3)
    np.testing.assert_allclose(y.var((0, 1, 2)), 1, atol=2e-3)
    assert (state["variance"] > 0).all()


def test_batch_norm_in_training_equals_a_loop_with_the_biased_variance():
    layer = fn.batch_norm(epsilon=0.1)
    with jax.enable_x64(True):
        x = jnp.asarray(np.random.default_rng(0).normal(size=(2, 2, 3)))
        scale, offset = np.array([1.0, 2.0, 3.0]), np.array([-1.0, 0.0, 1.0])
        state = {"mean": np.zeros(3), "variance": np.ones(3)}
        y, _ = layer.apply({"scale": scale, "offset": offset}, state, x, train=True)
    for c in range(3):
        values = np.asarray(x)[..., c].ravel()
        mean = sum(values) / 4
        variance = sum((value - mean) ** 2 for value in values) / 4
        expected = (values - mean) / np.sqrt(variance + 0.1) * scale[c] + offset[c]
        np.testing.assert_allclose(y[..., c].ravel(), expected, 1e-12)


def test_batch_norm_trains_nothing_through_its_running_statistics():
    layer = fn.batch_norm()
    params, state = start(layer, (2,))

    def running_mean(x):
        return layer.apply(params, state, x, train=True)[1]["mean"].sum()

    assert not jax.grad(running_mean)(jnp.ones((3, 2))).any()


def test_max_pool_gives_the_gradient_to_the_first_of_equals_and_passes_nan_on():
    x = jnp.ones((1, 2, 2, 1))
    gradient = jax.grad(lambda x: fn.ops.max_pool(x).sum())(x)
    np.testing.assert_array_equal(gradient.ravel(), [1, 0, 0, 0])
    for place in range(4):
        y = fn.ops.max_pool(x.ravel().at[place].set(jnp.nan).reshape(x.shape))
        assert jnp.isnan(y).all()


def test_activations_pass_nan_on_and_relu_is_flat_at_zero():
    for name in ("relu", "leaky_relu", "elu", "gelu", "silu", "sigmoid", "tanh", "identity"):
        assert jnp.isnan(getattr(fn.ops, name)(jnp.array([jnp.nan]))).all(), name
    assert jax.grad(fn.ops.relu)(0.0) == 0


SIZES = st.tuples(*[st.integers(1, 6)] * 2)


@settings(max_examples=8, deadline=None)
@given(SIZES, SIZES, st.tuples(*[st.integers(1, 4)] * 2))
def test_transposed_convolution_is_the_adjoint_of_the_strided_one(size, kernel_size, stride):
    """``<conv(x), y> = <x, conv_transpose(y)>`` with the kernel flipped, channels exchanged."""
    with jax.enable_x64(True):
        rng = np.random.default_rng(0)
        kernel = jnp.asarray(rng.normal(size=(*kernel_size, 2, 3)))  # fine has 2, coarse 3
        y = jnp.asarray(rng.normal(size=(1, *size, 3)))
        x = jnp.asarray(
            rng.normal(size=(1, *(s * n for s, n in zip(stride, size, strict=True)), 2))
        )
        padding = []
        for n, k, s in zip(size, kernel_size, stride, strict=True):
            low = max(k - s, 0) // 2
            padding.append((low, (n - 1) * s + k - s * n - low))
        down = fn.ops.conv2d(x, kernel, stride=stride, padding=tuple(padding))
        up = fn.ops.conv_transpose2d(y, kernel[::-1, ::-1].transpose(0, 1, 3, 2), stride=stride)
        assert up.shape == x.shape
        np.testing.assert_allclose(jnp.vdot(down, y), jnp.vdot(x, up), rtol=1e-12, atol=1e-12)


@settings(max_examples=8, deadline=None)
@given(SIZES, SIZES, st.tuples(*[st.integers(1, 4)] * 2))
def test_transposed_convolution_equals_jax_s_own(size, kernel_size, stride):
    rng = np.random.default_rng(1)
    x = jnp.asarray(rng.normal(size=(2, *size, 3)), jnp.float32)
    kernel = jnp.asarray(rng.normal(size=(*kernel_size, 3, 2)), jnp.float32)
    ours = fn.ops.conv_transpose2d(x, kernel, stride=stride)
    theirs = jax.lax.conv_transpose(x, kernel, stride, "SAME")
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def test_depth_and_space_are_inverses():
    x = jnp.asarray(np.random.default_rng(2).normal(size=(2, 6, 4, 3)))
    back = fn.ops.depth_to_space(fn.ops.space_to_depth(x, factor=2), factor=2)
    np.testing.assert_array_equal(back, x)


def test_bilinear_enlargement_equals_jax_s_own():
    x = jnp.asarray(np.random.default_rng(3).normal(size=(1, 5, 3, 2)), jnp.float32)
    for factor in (1, 2, 3, 4):
        theirs = jax.image.resize(x, (1, 5 * factor, 3 * factor, 2), "bilinear")
        np.testing.assert_allclose(fn.ops.resize(x, factor=factor), theirs, atol=1e-6)


def test_flat_draws_are_the_bits_of_jax_s_own():
    theirs = jax.random.normal(jax.random.key(4), (3, 2, 4))
    ours = random.normal(jax.random.key(4), (3, 2, 4))
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    drawn = random.uniform(jax.random.key(5), (1000,), low=-1.0, high=3.0)
    assert -1 <= drawn.min() < -0.9 and 2.9 < drawn.max() < 3
    bits = random.bits16(jax.random.key(6), (5, 7))
    assert bits.dtype == jnp.uint16 and bits.shape == (5, 7)
    upper_half = random.bits16(jax.random.key(7), (100_001,)) >= 32768
    assert 0.45 < upper_half.mean() < 0.55


def test_bits_are_threefry_s():
    # Known answers of the generator's authors for a counter and a key of zeros, and JAX's own.
    zeros = random._threefry(jnp.zeros(2, jnp.uint32), jnp.zeros(1, jnp.uint32))
    assert [int(word[0]) for word in zeros] == [0x6B200159, 0x99BA4EFE]
    key, counters = jnp.array([0x13198A2E, 7], jnp.uint32), jnp.arange(5, dtype=jnp.uint32)
    both = jnp.concatenate([counters, jnp.zeros_like(counters)])
    theirs = jax.extend.random.threefry_2x32(key, both)
    np.testing.assert_array_equal(jnp.concatenate(random._threefry(key, counters)), theirs)


def test_out_shape_takes_several_inputs():
    pair = fn.Layer(
        "add",
        lambda key, shapes: ({}, {}),
        lambda p, s, x, *, key=None, train=False: (x[0] + x[1], s),
    )
    assert core.out_shape(pair, {}, {}, ((4, 3), (4, 3))) == (4, 3)
