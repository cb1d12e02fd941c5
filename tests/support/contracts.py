"""One row a public layer; the tests walk every row through every property.

A new layer is proven by adding a row; `test_every_public_layer_has_a_row` fails until then.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

import jax
import numpy as np
import oracles

import fnnet as fn


@dataclass(frozen=True)
class Row:
    """A layer to prove.

    `oracle` is ``(params, state, x) -> y`` in NumPy float64 with ``train=False``; `limit` the
    largest input that its mathematics can take in float32. `true_gradient` is false where the
    gradient is not the derivative, on purpose.
    """

    name: str
    make: Callable[[], fn.Layer]
    in_shape: tuple
    oracle: Callable
    has_state: bool = False
    is_random: bool = False
    other_shapes: tuple = ()
    limit: float = 1e30
    true_gradient: bool = True

    def input(self, batch=3, dtype=np.float32, shape=None):
        rng = np.random.default_rng(7)
        return rng.normal(size=(batch, *(shape or self.in_shape))).astype(dtype)

    def init(self, dtype=np.float32):
        """Initialise with values that are not special: biases and offsets are not zero."""
        params, state = initial(self)
        rng = np.random.default_rng(8)
        spread = lambda leaf: (leaf + 0.1 * rng.normal(size=leaf.shape)).astype(dtype)  # noqa: E731
        return jax.tree.map(spread, params), jax.tree.map(lambda leaf: abs(spread(leaf)), state)


@cache
def initial(row):
    """Initialise a row's layer; eager draws take long, and many tests ask for the same ones."""
    with jax.enable_x64(False):
        return jax.tree.map(np.asarray, row.make().init(jax.random.key(0), row.in_shape))


def _activation(name):
    oracle = oracles.elementwise(oracles.ACTIVATIONS[name])
    return Row(name, lambda: getattr(fn, name), (4, 3), lambda p, s, x: oracle(x))


def _conv(name, *args, shape=(5, 6, 4), **kwargs):
    pairs = {
        key: (v, v) if isinstance(v, int) and key != "groups" else v for key, v in kwargs.items()
    }
    return Row(
        name,
        lambda: fn.conv2d(*args, **kwargs),
        shape,
        lambda p, s, x: oracles.conv2d(x, p["kernel"], p["bias"], **pairs),
        other_shapes=((9, 7, 4), (4, 12, 4)),
    )


def _depthwise(name, *args, shape, other_shapes, multiplier=1, **kwargs):
    return Row(
        name,
        lambda: fn.depthwise_conv2d(*args, multiplier=multiplier, **kwargs),
        shape,
        lambda p, s, x: oracles.conv2d(x, p["kernel"], p["bias"], groups=shape[2], **kwargs),
        other_shapes=other_shapes,
    )


def _resized(name, size, method, oracle):
    return Row(
        name,
        lambda: fn.resize(size=size, method=method),
        (5, 4, 2),
        lambda p, s, x: oracle(x, size),
        other_shapes=((2, 7, 2), (1, 1, 1)),
    )


def _gdn(name, inverse):
    return Row(
        name,
        lambda: fn.gdn(inverse=inverse),
        (2, 2, 3),
        lambda p, s, x: oracles.gdn(x, p["beta_root"], p["gamma_root"], inverse),
        limit=1e18 if inverse else 1e30,  # the inverse is a square, which is no float32 beyond
    )


def _transposed(name, features, kernel_size, stride):
    strides = (stride, stride) if isinstance(stride, int) else stride
    return Row(
        name,
        lambda: fn.conv_transpose2d(features, kernel_size, stride=stride),
        (4, 3, 2),
        lambda p, s, x: oracles.conv_transpose2d(x, p["kernel"], p["bias"], stride=strides),
        other_shapes=((1, 1, 2), (5, 2, 2)),
    )


def _batch_norm(p, s, x):
    return oracles.batch_norm(x, s["mean"], s["variance"], p["scale"], p["offset"])


def _serial(p, s, x):
    conv = p["conv2d_0"]
    y = oracles.conv2d(x, conv["kernel"], conv["bias"], stride=(2, 2))
    y = _batch_norm(p["norm"], s["norm"], y)
    return np.maximum(y, 0)


def _residual(p, s, x):
    inner = p["conv2d_0"]
    return x + np.tanh(oracles.conv2d(x, inner["kernel"], inner["bias"]))


def _branch(p, s, x):
    conv = p["conv2d_0"]
    return oracles.conv2d(x, conv["kernel"], conv["bias"]) + x @ p["dense_0"]["kernel"]


def _skip(p, s, x):
    return np.concatenate([x, x @ p["dense_0"]["kernel"] + p["dense_0"]["bias"]], -1)


def _repeat(p, s, x):
    inner, norm = p["residual_0"], s["residual_0"]["norm"]
    for i in range(3):
        y = oracles.batch_norm(
            x,
            norm["mean"][i],
            norm["variance"][i],
            inner["norm"]["scale"][i],
            inner["norm"]["offset"][i],
        )
        x = x + np.tanh(y @ inner["inner"]["kernel"][i] + inner["inner"]["bias"][i])
    return x


def _remat(p, s, x):
    inner = p["serial_0"]["dense_0"]
    return np.tanh(x @ inner["kernel"] + inner["bias"])


def _frozen(p, s, x):
    kept = s["serial_0"]
    inner = kept["params"]["dense_0"]
    norm = kept["state"]["norm"] | kept["params"]["norm"]
    return oracles.batch_norm(x @ inner["kernel"] + inner["bias"], **norm)


def _shared(p, s, x):
    inner = p["shared_0"]["dense_0"]
    for _ in range(2):
        x = np.maximum(x @ inner["kernel"] + inner["bias"], 0)
    return x


def _shared_model():
    block = fn.shared(fn.dense(4))
    return fn.serial(block, fn.relu, block, fn.relu)


STUDIO = {"matrix": oracles.MATLAB, "luma_offset": 16}


def _color(name, oracle):
    return Row(
        name,
        lambda: getattr(fn, name),
        (2, 3),
        lambda p, s, x: oracle(x),
        other_shapes=((3,), (2, 1, 3)),
    )


LAYERS = [
    Row("dense", lambda: fn.dense(5), (7,), lambda p, s, x: x @ p["kernel"] + p["bias"]),
    Row(
        "dense_no_bias_on_pictures",
        lambda: fn.dense(2, use_bias=False),
        (2, 3, 4),
        lambda p, s, x: np.einsum("nhwc,co->nhwo", x, p["kernel"]),
        other_shapes=((5, 1, 4),),
    ),
    _conv("conv2d", 3, 3),
    _conv("conv2d_stride2_even_kernel", 3, 4, stride=2),
    _conv("conv2d_valid_dilated", 2, (3, 2), padding="valid", dilation=(1, 2)),
    _conv("conv2d_groups_explicit", 6, 3, groups=2, padding=((2, 0), (1, 3)), stride=(1, 2)),
    _conv("conv2d_reflect", 2, 3, padding="reflect", stride=2),
    _conv("conv2d_edge", 2, (2, 5), padding="edge", dilation=(2, 1)),
    _depthwise("depthwise_conv2d", 3, shape=(4, 5, 3), other_shapes=((1, 1, 3),)),
    _depthwise(
        "depthwise_conv2d_multiplied",
        (2, 3),
        multiplier=2,
        padding="valid",
        shape=(4, 3, 2),
        other_shapes=((2, 7, 2),),
    ),
    _transposed("conv_transpose2d", 3, 4, 2),
    _transposed("conv_transpose2d_odd", 2, (3, 5), (2, 3)),
    _transposed("conv_transpose2d_kernel_below_stride", 2, 2, 3),
    Row(
        "max_pool",
        lambda: fn.max_pool(2),
        (4, 6, 2),
        lambda p, s, x: oracles.pool(x, np.max, window=(2, 2), stride=(2, 2)),
        other_shapes=((5, 7, 2), (2, 2, 1)),
    ),
    Row(
        "max_pool_overlapping",
        lambda: fn.max_pool((3, 2), stride=(2, 1)),
        (6, 5, 2),
        lambda p, s, x: oracles.pool(x, np.max, window=(3, 2), stride=(2, 1)),
    ),
    Row(
        "avg_pool",
        lambda: fn.avg_pool(2),
        (4, 6, 2),
        lambda p, s, x: oracles.pool(x, np.mean, window=(2, 2), stride=(2, 2)),
        other_shapes=((5, 7, 2), (2, 2, 1)),
    ),
    Row(
        "global_avg_pool",
        lambda: fn.global_avg_pool,
        (3, 4, 2),
        lambda p, s, x: np.stack([v.reshape(-1, v.shape[-1]).mean(0) for v in x]),
        other_shapes=((1, 1, 3),),
    ),
    Row(
        "adaptive_avg_pool",
        lambda: fn.adaptive_avg_pool((3, 2)),
        (5, 4, 2),
        lambda p, s, x: oracles.adaptive(x, (3, 2)),
        other_shapes=((3, 7, 1), (8, 2, 2)),
    ),
    _resized("resize_to_size", (3, 6), "bilinear", oracles.bilinear_to),
    _resized("resize_nearest_to_size", (3, 6), "nearest", oracles.nearest_to),
    Row("resize", lambda: fn.resize(2), (3, 4, 2), lambda p, s, x: oracles.bilinear(x, 2)),
    Row(
        "resize_3",
        lambda: fn.resize(3),
        (2, 3, 1),
        lambda p, s, x: oracles.bilinear(x, 3),
        other_shapes=((1, 1, 1),),
    ),
    Row(
        "resize_nearest",
        lambda: fn.resize(2, method="nearest"),
        (3, 2, 2),
        lambda p, s, x: oracles.nearest(x, 2),
    ),
    Row(
        "depth_to_space",
        lambda: fn.depth_to_space(2),
        (3, 2, 8),
        lambda p, s, x: oracles.depth_to_space(x, 2),
    ),
    Row(
        "space_to_depth",
        lambda: fn.space_to_depth(2),
        (4, 6, 3),
        lambda p, s, x: oracles.space_to_depth(x, 2),
    ),
    Row("flatten", lambda: fn.flatten, (2, 3, 2), lambda p, s, x: np.stack([v.ravel() for v in x])),
    Row("reshape", lambda: fn.reshape(3, 4), (2, 6), lambda p, s, x: x.reshape(-1, 3, 4)),
    Row(
        "batch_norm",
        lambda: fn.batch_norm(),
        (3, 4, 2),
        _batch_norm,
        has_state=True,
        other_shapes=((1, 7, 2),),
        limit=1e15,  # the square of a larger spread is no float32
    ),
    Row(
        "layer_norm",
        lambda: fn.layer_norm(),
        (2, 3, 4),
        lambda p, s, x: oracles.layer_norm(x, p["scale"], p["offset"]),
        other_shapes=((4,),),
    ),
    Row(
        "group_norm",
        lambda: fn.group_norm(2),
        (3, 2, 4),
        lambda p, s, x: oracles.group_norm(x, p["scale"], p["offset"], 2),
        other_shapes=((1, 1, 4), (5, 4)),
    ),
    Row(
        "instance_norm",
        lambda: fn.instance_norm(),
        (3, 4, 2),
        lambda p, s, x: oracles.group_norm(x, p["scale"], p["offset"], 2),
        other_shapes=((2, 1, 2),),
    ),
    _gdn("gdn", inverse=False),
    _gdn("gdn_inverse", inverse=True),
    _color("rgb_to_ycbcr", oracles.rgb_to_ycbcr),
    _color("ycbcr_to_rgb", oracles.ycbcr_to_rgb),
    _color("rgb_to_ycbcr_studio", partial(oracles.rgb_to_ycbcr, **STUDIO)),
    _color("ycbcr_studio_to_rgb", partial(oracles.ycbcr_to_rgb, **STUDIO)),
    Row("block_dct", lambda: fn.block_dct, (8, 16, 2), lambda p, s, x: oracles.block_dct(x)),
    Row("block_idct", lambda: fn.block_idct, (1, 2, 128), lambda p, s, x: oracles.block_idct(x)),
    Row(
        "spatial_dropout",
        lambda: fn.spatial_dropout(0.4),
        (2, 3, 4),
        lambda p, s, x: x,
        is_random=True,
    ),
    Row(
        "add_uniform_noise",
        lambda: fn.quantize(),
        (3, 4),
        lambda p, s, x: np.rint(x),
        is_random=True,
    ),
    Row(
        "round_straight_through",
        lambda: fn.quantize("straight_through"),
        (3, 4),
        lambda p, s, x: np.rint(x),
        true_gradient=False,
    ),
    Row(
        "soft_round",
        lambda: fn.stateless(partial(fn.ops.soft_round, temperature=0.3), kind="soft_round"),
        (3, 4),
        lambda p, s, x: oracles.elementwise(partial(oracles.soft_round, temperature=0.3))(x),
    ),
    Row(
        "logistic_mixture_bits",
        lambda: fn.factorized_prior(2),
        (3, 4),
        lambda p, s, x: oracles.logistic_mixture_bits(x, p["logits"], p["means"], p["log_scales"]),
    ),
    Row("prelu", lambda: fn.prelu(), (4, 3), lambda p, s, x: np.where(x > 0, x, x * p["slope"])),
    Row("softmax", lambda: fn.softmax, (4, 3), lambda p, s, x: oracles.softmax(x)),
    Row("dropout", lambda: fn.dropout(0.4), (10,), lambda p, s, x: x, is_random=True),
    *(_activation(name) for name in oracles.ACTIVATIONS),
    Row(
        "stateless",
        lambda: fn.stateless(lambda x: 2 * x, kind="double"),
        (3,),
        lambda p, s, x: 2 * x,
    ),
    Row(
        "serial",
        lambda: fn.serial(fn.conv2d(3, 3, stride=2), norm=fn.batch_norm(), act=fn.relu),
        (4, 5, 2),
        _serial,
        has_state=True,
        limit=1e10,
    ),
    Row(
        "serial_random",
        lambda: fn.serial(fn.dense(4), fn.dropout(0.5), inner=fn.serial(fn.dropout(0.5))),
        (6,),
        lambda p, s, x: x @ p["dense_0"]["kernel"] + p["dense_0"]["bias"],
        is_random=True,
    ),
    Row(
        "residual",
        lambda: fn.residual(fn.conv2d(2, 3), fn.tanh),
        (4, 3, 2),
        _residual,
        other_shapes=((1, 1, 2),),
    ),
    Row(
        "skip",
        lambda: fn.skip(fn.dense(2)),
        (2, 3),
        _skip,
    ),
    Row(
        "branch",
        lambda: fn.branch(fn.conv2d(3, 3), fn.dense(3, use_bias=False)),
        (3, 2, 3),
        _branch,
    ),
    Row(
        "branch_concatenate",
        lambda: fn.branch(fn.relu, fn.tanh, merge="concatenate"),
        (2, 3),
        lambda p, s, x: np.concatenate([np.maximum(x, 0), np.tanh(x)], -1),
    ),
    Row(
        "branch_tuple",
        lambda: fn.serial(
            fn.branch(fn.tanh, fn.sigmoid, merge="tuple"),
            fn.stateless(lambda both: both[0] * both[1], kind="gate"),
        ),
        (2, 3),
        lambda p, s, x: np.tanh(x) / (1 + np.exp(-x)),
    ),
    Row(
        "repeat",
        lambda: fn.repeat(fn.residual(norm=fn.batch_norm(), inner=fn.dense(3), act=fn.tanh), 3),
        (4, 3),
        _repeat,
        has_state=True,
        limit=1e10,
    ),
    Row(
        "repeat_random",
        lambda: fn.repeat(fn.dropout(0.5), 2),
        (6,),
        lambda p, s, x: x,
        is_random=True,
    ),
    Row("remat", lambda: fn.remat(fn.serial(fn.dense(3), fn.tanh)), (4,), _remat),
    Row(
        "frozen",
        lambda: fn.frozen(fn.serial(fn.dense(3), norm=fn.batch_norm(), drop=fn.dropout(0.5))),
        (4,),
        _frozen,
        has_state=True,
    ),
    Row("shared", _shared_model, (4,), _shared),
]
