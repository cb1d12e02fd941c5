"""Wrong uses are refused in one sentence, where they are made: each is read word for word."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnnet as fn
from fnnet import initializers

RGB = (8, 8, 3)
KERNEL = np.zeros((3, 3, 3, 2), np.float32)
ONES = np.ones(3, np.float32)
WHOLE = "must be an integer of at least 1"
PAIR = WHOLE + ", or two of them"
FIRST = "; images are NHWC: did channels come first?"


def start(layer, in_shape=RGB):
    return layer.init(jax.random.key(0), in_shape)


def sentences(value):
    """Name a test by the sentence alone."""
    return value[:40] if isinstance(value, str) else "-"


SHARED = fn.shared(fn.relu)
REFUSED_WHEN_BUILT = [
    (lambda: fn.dense(0), "dense: features=0 " + WHOLE),
    (lambda: fn.conv2d(0, 3), "conv2d: features=0 " + WHOLE),
    (lambda: fn.conv2d(4, (3, 0)), "conv2d: kernel_size=(3, 0) " + PAIR),
    (lambda: fn.conv2d(4, 3, stride=0), "conv2d: stride=0 " + PAIR),
    (lambda: fn.conv2d(4, 3, dilation=0), "conv2d: dilation=0 " + PAIR),
    (lambda: fn.conv2d(4, 3, groups=3), "conv2d: groups=3 must divide features=4"),
    (
        lambda: fn.conv2d(4, 3, padding="full"),
        "conv2d: padding='full' must be 'same', 'valid', 'reflect', 'edge' or "
        "((top, bottom), (left, right))",
    ),
    (lambda: fn.dense(2.5), "dense: features=2.5 " + WHOLE),
    (lambda: fn.dense(True), "dense: features=True " + WHOLE),
    (lambda: fn.conv2d((3, 4), 3), "conv2d: features=(3, 4) " + WHOLE),
    (lambda: fn.conv2d(4, (3,)), "conv2d: kernel_size=(3,) " + PAIR),
    (lambda: fn.repeat(fn.relu, 2.5), "repeat: times=2.5 " + WHOLE),
    *(
        (
            lambda padding=padding: fn.conv2d(4, 3, padding=padding),
            f"conv2d: padding={padding} must be 'same', 'valid', 'reflect', 'edge' or "
            "((top, bottom), (left, right))",
        )
        for padding in (1, (1, 1), ((1, 1),), ((1, 1, 1), (1, 1)), ((1, 1.5), (0, 0)))
    ),
    (lambda: fn.conv_transpose2d(0, 4), "conv_transpose2d: features=0 " + WHOLE),
    (lambda: fn.conv_transpose2d(3, 4, stride=0), "conv_transpose2d: stride=0 " + PAIR),
    (lambda: fn.max_pool(0), "max_pool: window=0 " + PAIR),
    (lambda: fn.avg_pool(2, stride=-1), "avg_pool: stride=-1 " + PAIR),
    (lambda: fn.resize(0), "resize: factor=0 " + WHOLE),
    (
        lambda: fn.resize(2, method="cubic"),
        "resize: method='cubic' must be 'nearest' or 'bilinear'",
    ),
    (lambda: fn.depth_to_space(0), "depth_to_space: factor=0 " + PAIR),
    (lambda: fn.space_to_depth(0), "space_to_depth: factor=0 " + PAIR),
    (lambda: fn.reshape(0, 3), "reshape: size=0 " + WHOLE),
    (lambda: fn.batch_norm(momentum=1), "batch_norm: momentum=1 must be in [0, 1)"),
    (lambda: fn.batch_norm(epsilon=0), "batch_norm: epsilon=0 must be above 0"),
    (lambda: fn.dropout(1.0), "dropout: rate=1.0 must be at least 0 and below 1"),
    (lambda: fn.dropout(-0.1), "dropout: rate=-0.1 must be at least 0 and below 1"),
    (lambda: fn.dropout(float("nan")), "dropout: rate=nan must be at least 0 and below 1"),
    (
        lambda: fn.spatial_dropout(1.0),
        "spatial_dropout: rate=1.0 must be at least 0 and below 1",
    ),
    (
        lambda: fn.quantize("soft"),
        "quantize: training='soft' must be 'noise' or 'straight_through'",
    ),
    (
        lambda: fn.depthwise_conv2d(3, multiplier=0),
        "depthwise_conv2d: multiplier=0 " + WHOLE,
    ),
    (lambda: fn.depthwise_conv2d(0), "depthwise_conv2d: kernel_size=0 " + PAIR),
    (lambda: fn.adaptive_avg_pool(0), "adaptive_avg_pool: size=0 " + PAIR),
    (lambda: fn.resize(), "resize: give either factor or size"),
    (lambda: fn.resize(2, size=4), "resize: give either factor or size"),
    (lambda: fn.resize(size=(4, 0)), "resize: size=(4, 0) " + PAIR),
    (lambda: fn.group_norm(0), "group_norm: groups=0 " + WHOLE),
    (lambda: fn.group_norm(2, epsilon=0), "group_norm: epsilon=0 must be above 0"),
    (lambda: fn.layer_norm(epsilon=-1), "layer_norm: epsilon=-1 must be above 0"),
    (lambda: fn.instance_norm(epsilon=0), "instance_norm: epsilon=0 must be above 0"),
    (lambda: fn.branch(), "branch needs at least one layer"),
    (
        lambda: fn.branch(fn.relu, merge="max"),
        "branch: merge='max' must be 'sum', 'concatenate' or 'tuple'",
    ),
    (lambda: fn.repeat(fn.relu, 0), "repeat: times=0 " + WHOLE),
    (lambda: fn.frozen(fn.relu, state={}), "frozen: state is given without params"),
    (
        lambda: fn.serial(SHARED, fn.residual(SHARED)),
        "a shared layer stands under 'shared_0' and under 'residual_0'; its uses must be unnamed "
        "children of one parent",
    ),
    (
        lambda: fn.branch(SHARED, again=SHARED),
        "a shared layer stands under 'shared_0' and under 'again'; its uses must be unnamed "
        "children of one parent",
    ),
    (
        lambda: fn.serial(fn.relu, relu_0=fn.relu),
        "the name 'relu_0' is taken by an unnamed child",
    ),
    (lambda: initializers.normal(0), "normal: stddev=0 must be above 0"),
    (lambda: initializers.truncated_normal(-1), "truncated_normal: stddev=-1 must be above 0"),
    (lambda: initializers.uniform(1, 1), "uniform: low=1 must be below high=1"),
    (lambda: initializers.orthogonal(0), "orthogonal: gain=0 must be above 0"),
    (lambda: initializers.delta_orthogonal(0), "delta_orthogonal: gain=0 must be above 0"),
    (lambda: initializers.icnr(0), "icnr: factor=0 " + WHOLE),
]


@pytest.mark.parametrize(("build", "sentence"), REFUSED_WHEN_BUILT, ids=sentences)
def test_a_wrong_setting_is_refused_on_the_line_where_it_is_written(build, sentence):
    with pytest.raises(fn.LayerError) as error:
        build()
    assert str(error.value) == sentence


REFUSED_WHEN_INITIALISED = [
    (fn.dense(2), (), "an example needs at least one axis"),
    (fn.conv2d(2, 3), (8, 3), "expects images (H, W, C), got an example of shape (8, 3)"),
    (fn.conv2d(4, 3, groups=2), RGB, "groups=2 must divide the input's 3 channels"),
    (fn.batch_norm(), (), "an example needs at least one axis"),
    (fn.layer_norm(), (), "an example needs at least one axis"),
    (fn.prelu(), (), "an example needs at least one axis"),
    (fn.gdn(), (), "an example needs at least one axis"),
    (
        fn.depthwise_conv2d(3),
        (8, 3),
        "expects images (H, W, C), got an example of shape (8, 3)",
    ),
    (
        fn.serial(fn.group_norm(2), fn.relu),
        RGB,
        "in layer 'group_norm_0', input shape (8, 8, 3): groups=2 must divide the input's 3 "
        "channels",
    ),
    (
        fn.serial(fn.conv2d(3, 5, padding="reflect")),
        (2, 8, 3),
        "in layer 'conv2d_0', input shape (2, 8, 3): padding='reflect' by 2 pixels needs more "
        "pixels than that, the image has 2x8; padding='edge' does not",
    ),
    (
        fn.serial(fn.residual(fn.conv2d(4, 3))),
        RGB,
        "in layer 'residual_0', input shape (8, 8, 3): residual: (1, 8, 8, 4) cannot be added to "
        "the input's (1, 8, 8, 3)",
    ),
    (
        fn.serial(fn.repeat(fn.conv2d(4, 3), 2)),
        RGB,
        "in layer 'repeat_0', input shape (8, 8, 3): repeat: the layer turns shape (1, 8, 8, 3) "
        "into (1, 8, 8, 4)",
    ),
    (
        fn.dense(2, kernel_init=initializers.delta_orthogonal()),
        (3,),
        "delta_orthogonal: shape (3, 2) is no kernel (kh, kw, C, O)",
    ),
    (
        fn.conv2d(2, 3, kernel_init=initializers.delta_orthogonal()),
        RGB,
        "delta_orthogonal: 3 channels cannot keep their lengths in 2",
    ),
    (
        fn.conv2d(2, 3, kernel_init=initializers.icnr(2)),
        RGB,
        "icnr: factor²=4 must divide 2 features",
    ),
    (
        fn.frozen(fn.dense(2), {"kernel": np.zeros((4, 2))}),
        (3,),
        "frozen: params {'kernel': 'float32[4, 2]'} are not dense's, {'bias': 'float32[2]', "
        "'kernel': 'float32[3, 2]'}",
    ),
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


ONE_IMAGE = "expects images (N, H, W, C), got 3 axes; of one image x, x[None] is a batch"
REFUSED_WHEN_APPLIED = [
    (
        fn.serial(fn.conv2d(2, 3)),
        (2, 3, 16, 16),
        "in layer 'conv2d_0', input shape (2, 3, 16, 16): the kernel expects 3 channels, the last "
        "axis has 16; images are NHWC: did channels come first?",
    ),
    (fn.conv2d(2, 3), (2, 8, 8, 4), "the kernel expects 3 channels, the last axis has 4"),
    (
        fn.conv2d(2, 3),
        (8, 8, 3),
        "expects images (N, H, W, C), got 3 axes; of one image x, x[None] is a batch",
    ),
    (fn.conv_transpose2d(2, 3), (2, 8, 8, 4), "the kernel expects 3 channels, the last axis has 4"),
    (fn.batch_norm(), (2, 3, 8, 8), "mean has shape (3,), the last axis 8 channels" + FIRST),
    (fn.prelu(), (2, 3, 8, 8), "slope has shape (3,), the last axis 8 channels" + FIRST),
    (
        fn.gdn(),
        (2, 3, 8, 8),
        "beta (3,) and gamma (3, 3) do not fit the last axis, which has 8" + FIRST,
    ),
    (
        fn.depthwise_conv2d(3),
        (2, 3, 8, 8),
        "a depthwise kernel is (kh, kw, 1, m * C): (3, 3, 1, 3) does not fit the image's 8 "
        "channels" + FIRST,
    ),
    (fn.dense(2), (2, 8, 8, 4), "the kernel expects 3 features, the last axis has 4"),
    (fn.max_pool(4), (2, 3, 8, 3), "a window of 4x4 does not fit into 3x8 pixels"),
    (fn.avg_pool(2), (2, 8), "expects images (N, H, W, C), got 2 axes"),
    (fn.resize(2), (2, 8), "expects images (N, H, W, C), got 2 axes"),
    (
        fn.space_to_depth(2),
        (1, 5, 8, 3),
        "space_to_depth: factor=2 must divide the image's 5x8 pixels",
    ),
    (fn.max_pool(2), (8, 8, 3), ONE_IMAGE),
    (fn.global_avg_pool, (8, 8, 3), ONE_IMAGE),
    (
        fn.adaptive_avg_pool(9),
        (1, 8, 8, 3),
        "adaptive_avg_pool: size=9 is larger than the image's 8x8",
    ),
    (fn.resize(size=3), (8, 8, 3), ONE_IMAGE),
    (fn.block_dct, (1, 12, 8, 3), "block_dct: 8 must divide the image's 12x8 pixels"),
    (fn.block_idct, (1, 2, 2, 65), "block_idct: 64 must divide 65 channels"),
    (
        fn.depthwise_conv2d(3),
        (1, 8, 8, 4),
        "a depthwise kernel is (kh, kw, 1, m * C): (3, 3, 1, 3) does not fit the image's 4 "
        "channels",
    ),
    (fn.prelu(), (2, 4), "slope has shape (3,), the last axis 4 channels"),
    (
        fn.gdn(),
        (2, 4),
        "beta (3,) and gamma (3, 3) do not fit the last axis, which has 4",
    ),
    (
        fn.instance_norm(),
        (2, 1, 1, 3),
        "needs more than one value to take mean and variance over",
    ),
    (fn.layer_norm(), (2, 4), "scale has shape (3,), the last axis 4 channels"),
    (
        fn.branch(fn.relu, fn.dense(2)),
        (2, 3),
        "branch: the shapes [(2, 3), (2, 2)] cannot be added",
    ),
    (
        fn.skip(fn.max_pool(2)),
        (1, 8, 8, 3),
        "skip: the shapes [(1, 8, 8, 3), (1, 4, 4, 3)] differ before the last axis",
    ),
    (
        fn.stateless(lambda x: fn.ops.spatial_dropout(x, jax.random.key(0), rate=0.5)),
        (3,),
        "spatial_dropout expects (N, ..., C), got 1 axes",
    ),
    (
        fn.stateless(lambda x: fn.ops.soft_round(x, temperature=0.0)),
        (3,),
        "soft_round: temperature=0.0 must be above 0 and finite",
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
    assert str(error.value) == "batch_norm needs more than one value per channel to train on"


@pytest.mark.parametrize(
    "layer",
    [
        *(fn.conv2d(2, 3), fn.depthwise_conv2d(3), fn.conv_transpose2d(2, 3), fn.dense(2)),
        *(fn.batch_norm(), fn.layer_norm(), fn.instance_norm(), fn.gdn(), fn.softmax),
        *(fn.block_dct, fn.resize(2), fn.quantize("straight_through"), fn.quantize()),
        *(fn.avg_pool(), fn.global_avg_pool, fn.adaptive_avg_pool(2), fn.prelu(), fn.dropout(0.5)),
        *(fn.leaky_relu, fn.elu, fn.gelu, fn.silu, fn.softplus, fn.sigmoid, fn.tanh),
        *(fn.hard_sigmoid, fn.hard_tanh, fn.hard_swish, fn.rgb_to_ycbcr),
    ],
    ids=lambda layer: layer.kind,
)
def test_whole_numbers_are_refused_not_cast_to(layer):
    params, state = start(layer)
    with pytest.raises(fn.LayerError) as error:
        x = jnp.zeros((1, *RGB), jnp.uint8)
        layer.apply(params, state, x, key=jax.random.key(0), train=layer.kind != "batch_norm")
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
        "in layer 'norm', input shape (1, 8, 8, 2): scale has shape (3,), the last axis 2 channels"
    )


def test_numpy_integers_are_whole_numbers_and_floats_are_not():
    assert start(fn.conv2d(np.int64(2), np.int32(3)))[0]["kernel"].shape == (3, 3, 3, 2)
    with pytest.raises(fn.LayerError) as error:
        fn.conv2d(8.0, 3)
    assert str(error.value) == "conv2d: features=8.0 " + WHOLE
    with pytest.raises(fn.LayerError) as error:
        fn.conv2d(8, (3, 3, 3))
    assert str(error.value) == "conv2d: kernel_size=(3, 3, 3) " + PAIR


REFUSED_BY_FUNCTIONS = [
    (lambda x: fn.ops.conv2d(x, KERNEL, stride=0), "conv2d: stride=0 " + PAIR),
    (
        lambda x: fn.ops.conv2d(x, KERNEL, jnp.zeros(1)),
        "the bias has shape (1,), the output 2 channels",
    ),
    (lambda x: fn.ops.conv_transpose2d(x, KERNEL, stride=0), "conv_transpose2d: stride=0 " + PAIR),
    (lambda x: fn.ops.max_pool(x, window=0), "max_pool: window=0 " + PAIR),
    (lambda x: fn.ops.avg_pool(x, stride=0), "avg_pool: stride=0 " + PAIR),
    (lambda x: fn.ops.adaptive_avg_pool(x, size=0), "adaptive_avg_pool: size=0 " + PAIR),
    (lambda x: fn.ops.depth_to_space(x, factor=0), "depth_to_space: factor=0 " + PAIR),
    (lambda x: fn.ops.space_to_depth(x, factor=0), "space_to_depth: factor=0 " + PAIR),
    (lambda x: fn.ops.resize(x, factor=-1), "resize: factor=-1 " + WHOLE),
    (lambda x: fn.ops.resize(x, size=(4.5, 4)), "resize: size=(4.5, 4) " + PAIR),
    (lambda x: fn.ops.group_norm(x, ONES, ONES, groups=0), "groups=0 " + WHOLE),
    (lambda x: fn.ops.layer_norm(x, ONES, ONES, epsilon=-1), "epsilon=-1 must be above 0"),
    (
        lambda x: fn.ops.batch_norm(x, ONES, ONES, ONES, ONES, epsilon=0),
        "epsilon=0 must be above 0",
    ),
    (
        lambda x: fn.ops.layer_norm(x, ONES, ONES[:1]),
        "offset has shape (1,), the last axis 3 channels",
    ),
    (
        lambda x: fn.ops.batch_norm(x, ONES[:1], ONES, ONES, ONES),
        "mean has shape (1,), the last axis 3 channels",
    ),
    (
        lambda x: fn.ops.soft_round(x, temperature=float("inf")),
        "soft_round: temperature=inf must be above 0 and finite",
    ),
    (lambda x: fn.ops.rgb_to_ycbcr(x, peak=0), "peak=0 must be above 0"),
]


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize(("call", "sentence"), REFUSED_BY_FUNCTIONS, ids=sentences)
def test_an_array_function_refuses_what_it_cannot_do(call, sentence, jit):
    with pytest.raises(fn.LayerError) as error:
        (jax.jit(call) if jit else call)(jnp.zeros((1, *RGB)))
    assert str(error.value) == sentence


@pytest.mark.parametrize(
    ("initializer", "said"),
    [
        (initializers.he_normal, "not he_normal, not called: write he_normal()"),
        ("he_normal", "not 'he_normal'"),
        (0.1, "not 0.1"),
    ],
    ids=sentences,
)
def test_what_is_no_initialiser_is_a_type_error_where_it_is_written(initializer, said):
    for build in (
        lambda: fn.dense(2, kernel_init=initializer),
        lambda: fn.dense(2, bias_init=initializer),
        lambda: fn.conv2d(2, 3, kernel_init=initializer),
        lambda: fn.depthwise_conv2d(3, kernel_init=initializer),
        lambda: fn.conv_transpose2d(2, 3, kernel_init=initializer),
        lambda: fn.prelu(slope_init=initializer),
    ):
        with pytest.raises(TypeError) as error:
            build()
        assert str(error.value).endswith(
            f": an initialiser is a function (key, shape, dtype) -> array, {said}"
        )


def test_an_initialiser_that_gives_another_shape_is_refused():
    def ones(key, shape, dtype):
        return jnp.ones((2, 2), dtype)

    with pytest.raises(fn.LayerError) as error:
        start(fn.dense(2, kernel_init=ones), (3,))
    assert str(error.value).endswith("returned shape (2, 2) for (3, 2)")


def test_parameters_of_another_depth_are_refused():
    params, state = start(fn.repeat(fn.dense(3), 2), (3,))
    with pytest.raises(fn.LayerError) as error:
        fn.repeat(fn.dense(3), 4).apply(params, state, jnp.zeros((1, 3)))
    assert str(error.value) == "repeat: times=4, but the params or state are those of 2"


def test_what_is_no_function_makes_no_layer():
    with pytest.raises(TypeError, match=r"^stateless takes a function x -> y, not 3$"):
        fn.stateless(3)


def test_a_misspelt_keyword_is_a_type_error():
    with pytest.raises(TypeError, match="strides"):
        fn.conv2d(3, 3, strides=2)


def test_a_child_that_is_no_layer_is_a_type_error_with_a_hint():
    with pytest.raises(TypeError, match="call its constructor, or build a layer from a function"):
        fn.serial(fn.batch_norm)
