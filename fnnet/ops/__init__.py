"""Array functions: arrays in, arrays out; no parameters made, no state kept."""

from fnnet.ops.activations import elu, gelu, identity, leaky_relu, relu, sigmoid, silu, tanh
from fnnet.ops.color import (
    rgb_to_ycbcr,
    rgb_to_ycbcr_studio,
    ycbcr_studio_to_rgb,
    ycbcr_to_rgb,
)
from fnnet.ops.conv import conv2d, conv_transpose2d, depth_to_space, space_to_depth
from fnnet.ops.dense import dense
from fnnet.ops.dropout import dropout
from fnnet.ops.norm import batch_norm, moments
from fnnet.ops.pool import avg_pool, max_pool
from fnnet.ops.resample import resize

__all__ = [
    "avg_pool",
    "batch_norm",
    "conv2d",
    "conv_transpose2d",
    "dense",
    "depth_to_space",
    "dropout",
    "elu",
    "gelu",
    "identity",
    "leaky_relu",
    "max_pool",
    "moments",
    "relu",
    "resize",
    "rgb_to_ycbcr",
    "rgb_to_ycbcr_studio",
    "sigmoid",
    "silu",
    "space_to_depth",
    "tanh",
    "ycbcr_studio_to_rgb",
    "ycbcr_to_rgb",
]
