"""What single layers promise beyond the contract: refusals word for word, hand computations."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fnnet as fn
from fnnet import core, initializers, random

RGB = (8, 8, 3)


def start(layer, in_shape=RGB):
    return layer.init(jax.random.key(0), in_shape)


def sentences(value):
    """Name a test by the sentence alone."""
    return value[:40] if isinstance(value, str) else "-"


REFUSED_WHEN_BUILT = [
    (lambda: fn.dense(0), "dense: features=0 must be at least 1"),
    (lambda: fn.conv2d(0, 3), "conv2d: features=0 must be at least 1"),
    (lambda: fn.conv2d(4, (3, 0)), "conv2d: kernel_size=(3, 0) must be at least 1"),
    (lambda: fn.conv2d(4, 3, stride=0), "conv2d: stride=0 must be at least 1"),
    (lambda: fn.conv2d(4, 3, dilation=0), "conv2d: dilation=0 must be at least 1"),
    (lambda: fn.conv2d(4, 3, groups=3), "conv2d: groups=3 must divide features=4"),
    (
        lambda: fn.conv2d(4, 3, padding="full"),
        "conv2d: padding='full' must be 'same', 'valid' or ((top, bottom), (left, right))",
    ),
    (lambda: fn.conv_transpose2d(0, 4), "conv_transpose2d: features=0 must be at least 1"),
    (lambda: fn.conv_transpose2d(3, 4, stride=0), "conv_transpose2d: stride=0 must be at least 1"),
    (lambda: fn.max_pool(0), "max_pool: window=0 must be at least 1"),
    (lambda: fn.avg_pool(2, stride=-1), "avg_pool: stride=-1 must be at least 1"),
    (lambda: fn.resize(0), "resize: factor=0 must be at least 1"),
    (
        lambda: fn.resize(2, method="cubic"),
        "resize: method='cubic' must be 'nearest' or 'bilinear'",
    ),
    (lambda: fn.depth_to_space(0), "depth_to_space: factor=0 must be at least 1"),
    (lambda: fn.space_to_depth(0), "space_to_depth: factor=0 must be at least 1"),
    (lambda: fn.reshape(0, 3), "reshape: shape=(0, 3) must be at least 1"),
    (lambda: fn.batch_norm(momentum=1), "batch_norm: momentum=1 must be in [0, 1)"),
    (lambda: fn.batch_norm(epsilon=0), "batch_norm: epsilon=0 must be above 0"),
    (lambda: fn.dropout(1.0), "dropout: rate=1.0 must be at least 0 and below 1"),
    (lambda: fn.dropout(-0.1), "dropout: rate=-0.1 must be at least 0 and below 1"),
    (
        lambda: fn.serial(fn.relu, relu_0=fn.relu),
        "the name 'relu_0' is taken by an unnamed child",
    ),
    (lambda: initializers.normal(0), "normal: stddev=0 must be above 0"),
]


@pytest.mark.parametrize(("build", "sentence"), REFUSED_WHEN_BUILT, ids=sentences)
def test_a_wrong_setting_is_refused_on_the_line_where_it_is_written(build, sentence):
    with pytest.raises(fn.LayerError) as error:
        build()
    assert str(error.value) == sentence


REFUSED_WHEN_INITIALISED = [
    (fn.dense(2), (), "an example needs at least one axis"),
    (fn.conv2d(2, 3), (8, 3), "expects pictures (H, W, C), got an example of shape (8, 3)"),
    (fn.conv2d(4, 3, groups=2), RGB, "groups=2 must divide the input's 3 channels"),
    (fn.batch_norm(), (), "an example needs at least one axis"),
    (
        fn.serial(a=fn.serial(fn.relu, fn.conv2d(4, 3, groups=2))),
        RGB,
        "in layer 'a', in layer 'conv2d_0', input shape (8, 8, 3): "
        "groups=2 must divide the input's 3 channels",
    ),
    (
        fn.serial(fn.flatten, fn.reshape(5, 5)),
        RGB,
        "in layer 'reshape_0', input shape (192,): reshape: an example of shape (192,) has 192 "
        "numbers, shape=(5, 5) takes 25",
    ),
    (
        fn.serial(fn.conv2d(3, (9, 9), padding="valid")),
        RGB,
        "in layer 'conv2d_0', input shape (8, 8, 3): a kernel of 9x9 does not fit into 8x8 pixels "
        "with padding='valid'",
    ),
]


@pytest.mark.parametrize(("layer", "shape", "sentence"), REFUSED_WHEN_INITIALISED, ids=sentences)
def test_a_shape_that_does_not_fit_is_refused_when_initialising(layer, shape, sentence):
    with pytest.raises(fn.LayerError) as error:
        start(layer, shape)
    assert str(error.value) == sentence


REFUSED_WHEN_APPLIED = [
    (
        fn.serial(fn.conv2d(2, 3)),
        (2, 3, 16, 16),
        "in layer 'conv2d_0', input shape (2, 3, 16, 16): the kernel expects 3 channels, the last "
        "axis has 16; pictures are NHWC: did channels come first?",
    ),
    (fn.conv2d(2, 3), (2, 8, 8, 4), "the kernel expects 3 channels, the last axis has 4"),
    (
        fn.conv2d(2, 3),
        (8, 8, 3),
        "expects pictures (N, H, W, C), got 3 axes; of one picture x, x[None] is a batch",
    ),
    (fn.conv_transpose2d(2, 3), (2, 8, 8, 4), "the kernel expects 3 channels, the last axis has 4"),
    (fn.dense(2), (2, 8, 8, 4), "the kernel expects 3 features, the last axis has 4"),
    (fn.max_pool(4), (2, 3, 8, 3), "a window of 4x4 does not fit into 3x8 pixels"),
    (fn.avg_pool(2), (2, 8), "expects pictures (N, H, W, C), got 2 axes"),
    (fn.resize(2), (2, 8), "expects pictures (N, H, W, C), got 2 axes"),
    (
        fn.space_to_depth(2),
        (1, 5, 8, 3),
        "space_to_depth: factor=2 must divide the picture's 5x8 pixels",
    ),
    (
        fn.stateless(lambda x: fn.ops.depth_to_space(x, factor=2), kind="shuffle"),
        (1, 8, 8, 3),
        "depth_to_space: factor²=4 must divide 3 channels",
    ),
]


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize(("layer", "shape", "sentence"), REFUSED_WHEN_APPLIED, ids=sentences)
def test_a_batch_that_does_not_fit_is_refused_alike_with_and_without_jit(
    layer, shape, sentence, jit
):
    params, state = start(layer)
    apply = jax.jit(layer.apply) if jit else layer.apply
    with pytest.raises(fn.LayerError) as error:
        apply(params, state, jnp.zeros(shape))
    assert str(error.value) == sentence


def test_residual_says_which_shapes_it_cannot_add():
    layer = fn.residual(fn.conv2d(4, 3))
    params, state = start(layer)
    with pytest.raises(fn.LayerError) as error:
        layer.apply(params, state, jnp.zeros((1, *RGB)))
    expected = "residual: (1, 8, 8, 4) cannot be added to the input's (1, 8, 8, 3)"
    assert str(error.value) == expected


def test_batch_norm_needs_two_values_a_channel_to_train_on():
    layer = fn.batch_norm()
    params, state = start(layer, (3,))
    with pytest.raises(fn.LayerError) as error:
        layer.apply(params, state, jnp.zeros((1, 3)), train=True)
    assert str(error.value) == "batch_norm needs more than one value a channel to train on"


@pytest.mark.parametrize("layer", [fn.conv2d(2, 3), fn.dense(2), fn.batch_norm()])
def test_whole_numbers_are_refused_not_cast_to(layer):
    params, state = start(layer)
    with pytest.raises(fn.LayerError) as error:
        layer.apply(params, state, jnp.zeros((1, *RGB), jnp.uint8))
    assert str(error.value) == (
        "expects floating-point values, got uint8; grey levels are divided by 255 first"
    )


def test_parameters_of_another_model_are_named():
    model = fn.serial(fn.conv2d(2, 3), norm=fn.batch_norm())
    params, state = start(model)
    x = jnp.zeros((1, *RGB))
    with pytest.raises(fn.LayerError) as error:
        model.apply({}, state, x)
    assert str(error.value) == (
        "in layer 'conv2d_0', input shape (1, 8, 8, 3): params or state have no 'kernel' here; "
        "were both made by this model's init?"
    )
    other, _ = start(fn.serial(norm=fn.batch_norm()))
    with pytest.raises(fn.LayerError) as error:
        model.apply(params | {"norm": other["norm"]}, state, x)
    assert str(error.value) == (
        "in layer 'norm', input shape (1, 8, 8, 2): the parameters are for 3 channels, the last "
        "axis has 2"
    )


def test_numpy_integers_are_whole_numbers_and_floats_are_not():
    assert start(fn.conv2d(np.int64(2), np.int32(3)))[0]["kernel"].shape == (3, 3, 3, 2)
    with pytest.raises(fn.LayerError) as error:
        fn.conv2d(8.0, 3)
    assert str(error.value) == "conv2d: features=8.0 must be a whole number or two"
    with pytest.raises(fn.LayerError) as error:
        fn.conv2d(8, (3, 3, 3))
    assert str(error.value) == "conv2d: kernel_size=(3, 3, 3) has more than two axes"


def test_a_misspelt_keyword_is_a_type_error():
    with pytest.raises(TypeError, match="strides"):
        fn.conv2d(3, 3, strides=2)


def test_a_child_that_is_no_layer_is_a_type_error_with_a_hint():
    with pytest.raises(TypeError, match="call its constructor, or make a layer of a function"):
        fn.serial(fn.batch_norm)


def test_printing_a_model_shows_its_tree_with_arguments():
    model = fn.serial(encoder=fn.serial(fn.dense(3), fn.relu), out=fn.dropout(0.5))
    assert str(model).split("\n") == [
        "serial()",
        "  encoder: serial()",
        "    dense_0: dense(features=3, use_bias=True)",
        "    relu_0: relu()",
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


@settings(max_examples=15, deadline=None)
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


@settings(max_examples=15, deadline=None)
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


def test_initialisers_have_the_variance_that_they_name():
    shape = (3, 3, 40, 60)
    for initializer, variance in (
        (initializers.lecun_normal(), 1 / 360),
        (initializers.he_normal(), 2 / 360),
        (initializers.glorot_normal(), 2 / (360 + 540)),
        (initializers.normal(0.5), 0.25),
    ):
        assert abs(initializer(jax.random.key(0), shape).var() / variance - 1) < 0.03
    assert (initializers.constant(3.0)(None, (2,)) == 3).all()
    assert not initializers.zeros()(None, (2,)).any()


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


def test_summary_counts_parameters_and_multiply_adds():
    model = fn.serial(
        encoder=fn.serial(fn.conv2d(4, 3, stride=2), fn.batch_norm()),
        decoder=fn.serial(fn.conv_transpose2d(3, 4), fn.flatten, fn.dense(5)),
    )
    lines = fn.summary(model, RGB).split("\n")
    assert lines[-1].split() == ["total", "1,280", "5,760"]
    assert "  conv2d_0            conv2d            4 x 4 x 4         112          1,728" in lines
    params, _ = start(model)
    assert fn.trees.size(params) == 1280


def test_out_shape_takes_several_inputs():
    pair = fn.Layer(
        "add",
        lambda key, shapes: ({}, {}),
        lambda p, s, x, *, key=None, train=False: (x[0] + x[1], s),
    )
    assert core.out_shape(pair, {}, {}, ((4, 3), (4, 3))) == (4, 3)
