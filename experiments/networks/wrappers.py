"""Wrappers that let a network take images of any size, or patches."""

from functools import partial

import jax

import fnnet as fn
from experiments.networks.padding import finished, prepared
from fnnet import core
from fnnet.core import require


def on_any_size(network, multiple):
    """Wrap a network to take images of any size, padded and centred by `prepared`."""
    return _around(
        network,
        partial(prepared, multiple=multiple),
        lambda y, x: finished(y, x.shape[1:3]),
        "on_any_size",
        multiple=multiple,
    )


def from_patches(network, size):
    """Wrap a network (N, size, size, C) -> (N, features), to apply it to every patch of an image.

    (N, H, W, C) -> (N, H / size, W / size, features).
    """

    def enter(x):
        n, h, w, c = x.shape
        x = x.reshape(n, h // size, size, w // size, size, c).transpose(0, 1, 3, 2, 4, 5)
        return x.reshape(-1, size, size, c)  # N * rows * columns, size, size, C

    def leave(y, x):
        n, h, w, _ = x.shape
        return y.reshape(n, h // size, w // size, -1)

    return _around(network, enter, leave, "from_patches", size=size)


def to_patches(network, size):
    """Wrap a network (N, features) -> (N, size, size, C), to apply it at every position.

    (N, rows, columns, features) -> (N, rows * size, columns * size, C).
    """

    def enter(x):
        return x.reshape(-1, x.shape[-1])

    def leave(y, x):
        n, rows, columns, _ = x.shape
        y = y.reshape(n, rows, columns, size, size, -1).transpose(0, 1, 3, 2, 4, 5)
        return y.reshape(n, rows * size, columns * size, -1)

    return _around(network, enter, leave, "to_patches", size=size)


def _around(network, enter, leave, kind, **config):
    """Wrap `network` between ``enter(x)`` and ``leave(y, x)``."""

    def init(key, in_shape):
        require(len(in_shape) == 3, f"expects images (H, W, C), got an example of {in_shape}")
        inner = jax.eval_shape(enter, core.examples(in_shape)).shape[1:]
        params, state = core.init_child("network", network, key, inner)
        return {"network": params}, {"network": state} if state else {}

    def apply(params, state, x, *, key=None, train=False):
        require(x.ndim == 4, f"expects images (N, H, W, C), got {x.ndim} axes")
        y, inner = core.apply_child(
            "network", network, params, state, enter(x), key=key, train=train
        )
        return leave(y, x), {"network": inner} if inner else {}

    return fn.Layer(kind, init, apply, config, {"network": network})
