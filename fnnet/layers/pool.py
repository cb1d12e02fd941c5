"""Pooling layers."""

from fnnet import ops
from fnnet.core import require_integer_pair
from fnnet.layers.stateless import op_layer


def max_pool(window=2, *, stride=None):
    """Return each window's maximum: (N, H, W, C) -> (N, H', W', C).

    `window` and `stride` (default: `window`) are numbers or (rows, columns) of at least 1; see
    `fnnet.ops.max_pool`.
    """
    return _pool(ops.max_pool, window, stride)


def avg_pool(window=2, *, stride=None):
    """Average each window: (N, H, W, C) -> (N, H', W', C).

    `window` and `stride` (default: `window`) are numbers or (rows, columns) of at least 1; see
    `fnnet.ops.avg_pool`.
    """
    return _pool(ops.avg_pool, window, stride)


global_avg_pool = op_layer(ops.global_avg_pool)


def adaptive_avg_pool(size):
    """Average over a grid of `size` windows: (N, H, W, C) -> (N, *size, C).

    `size` is a number or (rows, columns), at least 1; see `fnnet.ops.adaptive_avg_pool`.
    """
    require_integer_pair("adaptive_avg_pool: size", size)
    return op_layer(ops.adaptive_avg_pool, size=size)


def _pool(op, window, stride):
    stride = window if stride is None else stride
    require_integer_pair(f"{op.__name__}: window", window)
    require_integer_pair(f"{op.__name__}: stride", stride)
    return op_layer(op, window=window, stride=stride)
