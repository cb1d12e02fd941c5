"""Layers that rearrange or resample values, without parameters."""

import math

from fnnet import ops
from fnnet.core import require, require_integer, require_integer_pair
from fnnet.layers.stateless import op_layer, stateless
from fnnet.ops.resample import check_resize


def resize(factor=None, *, size=None, method="bilinear"):
    """Resample images by an integer `factor` or to `size`.

    (N, H, W, C) -> (N, H * factor, W * factor, C) or (N, *size, C); either is at least 1. `method`
    is "nearest" or "bilinear"; see `fnnet.ops.resize`.
    """
    check_resize(factor=factor, size=size, method=method)
    scale = {"factor": factor} if size is None else {"size": size}
    return op_layer(ops.resize, **scale, method=method)


def depth_to_space(factor=2):
    """Move channels into space: (N, H, W, factor² * C) -> (N, H * factor, W * factor, C).

    `factor` is a number or (rows, columns) of at least 1; see `fnnet.ops.depth_to_space`.
    """
    require_integer_pair("depth_to_space: factor", factor)
    return op_layer(ops.depth_to_space, factor=factor)


def space_to_depth(factor=2):
    """Move space into channels: (N, H, W, C) -> (N, H / factor, W / factor, factor² * C).

    `factor` is a number or (rows, columns) that divides the image's size.
    """
    require_integer_pair("space_to_depth: factor", factor)
    return op_layer(ops.space_to_depth, factor=factor)


def _flatten(x):
    """Flatten each example: (N, ...) -> (N, features)."""
    return x.reshape(x.shape[0], -1)


flatten = stateless(_flatten, kind="flatten")


def reshape(*shape):
    """Reshape each example: (N, ...) -> (N, *shape).

    Raises `LayerError` if the example has another number of values than `shape`.
    """
    for size in shape:
        require_integer("reshape: size", size)

    def function(x):
        require(
            math.prod(x.shape[1:]) == math.prod(shape),
            f"reshape: an example of shape {x.shape[1:]} has {math.prod(x.shape[1:])} numbers, "
            f"shape={shape} takes {math.prod(shape)}",
        )
        return x.reshape(x.shape[0], *shape)

    return stateless(function, kind="reshape", config={"shape": shape})


block_dct = op_layer(ops.block_dct)
block_idct = op_layer(ops.block_idct)
