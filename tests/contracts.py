"""One row a public layer; the tests walk every row through every property.

A new layer is proven by adding a row; `test_every_public_layer_has_a_row` fails until then.
"""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import numpy as np
import oracles

import fnnet as fn


@dataclass(frozen=True)
class Row:
    """A layer to prove.

    `oracle` is ``(params, state, x) -> y`` in NumPy float64 with ``train=False``; `limit` the
    largest input that its mathematics can take in float32.
    """

    name: str
    make: Callable[[], fn.Layer]
    in_shape: tuple
    oracle: Callable
    has_state: bool = False
    is_random: bool = False
    other_shapes: tuple = ()
    limit: float = 1e30

    def input(self, batch=3, dtype=np.float32, shape=None):
        rng = np.random.default_rng(7)
        return rng.normal(size=(batch, *(shape or self.in_shape))).astype(dtype)

    def init(self, dtype=np.float32):
        """Initialise with values that are not special: biases and offsets are not zero."""
        params, state = self.make().init(jax.random.key(0), self.in_shape)
        rng = np.random.default_rng(8)
        spread = lambda leaf: (np.asarray(leaf) + 0.1 * rng.normal(size=leaf.shape)).astype(dtype)  # noqa: E731
        return jax.tree.map(spread, params), jax.tree.map(lambda leaf: abs(spread(leaf)), state)


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
]
