"""Pooling."""

from fnnet import ops
from fnnet.core import require_integer_pair
from fnnet.layers.stateless import stateless


def max_pool(window=2, *, stride=None):
    """Keep each window's largest value: (N, H, W, C) -> (N, H', W', C).

    `window` and `stride` (default: `window`) are numbers or (rows, columns) of at least 1; see
    `fnnet.ops.max_pool`.
    """
    return _pool("max_pool", ops.max_pool, window, stride)


def avg_pool(window=2, *, stride=None):
    """Average each window: (N, H, W, C) -> (N, H', W', C).

    `window` and `stride` (default: `window`) are numbers or (rows, columns) of at least 1; see
    `fnnet.ops.avg_pool`.
    """
    return _pool("avg_pool", ops.avg_pool, window, stride)


global_avg_pool = stateless(ops.global_avg_pool)


def adaptive_avg_pool(size):
    """Average over a grid of `size` windows: (N, H, W, C) -> (N, *size, C).

    `size` is a number or (rows, columns), at least 1; see `fnnet.ops.adaptive_avg_pool`.
    """
    require_integer_pair("adaptive_avg_pool: size", size)
    return stateless(
        lambda x: ops.adaptive_avg_pool(x, size=size),
        kind="adaptive_avg_pool",
        config={"size": size},
    )


def _pool(kind, function, window, stride):
    stride = window if stride is None else stride
    require_integer_pair(f"{kind}: window", window)
    require_integer_pair(f"{kind}: stride", stride)
    return stateless(
        lambda x: function(x, window=window, stride=stride),
        kind=kind,
        config={"window": window, "stride": stride},
    )
