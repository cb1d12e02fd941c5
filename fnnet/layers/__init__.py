"""Constructors of layers: parameters and state around an array function."""

from fnnet.layers.activations import (
    elu,
    gelu,
    hard_sigmoid,
    hard_swish,
    hard_tanh,
    identity,
    leaky_relu,
    prelu,
    relu,
    sigmoid,
    silu,
    softmax,
    softplus,
    tanh,
)
from fnnet.layers.color import (
    rgb_to_ycbcr,
    rgb_to_ycbcr_studio,
    ycbcr_studio_to_rgb,
    ycbcr_to_rgb,
)
from fnnet.layers.conv import (
    conv2d,
    conv_transpose2d,
    depthwise_conv2d,
)
from fnnet.layers.dense import (
    dense,
)
from fnnet.layers.dropout import dropout, spatial_dropout
from fnnet.layers.entropy import (
    factorized_prior,
)
from fnnet.layers.norm import (
    batch_norm,
    gdn,
    group_norm,
    instance_norm,
    layer_norm,
)
from fnnet.layers.pool import (
    adaptive_avg_pool,
    avg_pool,
    global_avg_pool,
    max_pool,
)
from fnnet.layers.quantize import quantize
from fnnet.layers.shape import (
    block_dct,
    block_idct,
    depth_to_space,
    flatten,
    reshape,
    resize,
    space_to_depth,
)
from fnnet.layers.stateless import (
    stateless,
)

__all__ = [
    "adaptive_avg_pool",
    "avg_pool",
    "batch_norm",
    "block_dct",
    "block_idct",
    "conv2d",
    "conv_transpose2d",
    "dense",
    "depth_to_space",
    "depthwise_conv2d",
    "dropout",
    "elu",
    "factorized_prior",
    "flatten",
    "gdn",
    "gelu",
    "global_avg_pool",
    "group_norm",
    "hard_sigmoid",
    "hard_swish",
    "hard_tanh",
    "identity",
    "instance_norm",
    "layer_norm",
    "leaky_relu",
    "max_pool",
    "prelu",
    "quantize",
    "relu",
    "reshape",
    "resize",
    "rgb_to_ycbcr",
    "rgb_to_ycbcr_studio",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "space_to_depth",
    "spatial_dropout",
    "stateless",
    "tanh",
    "ycbcr_studio_to_rgb",
    "ycbcr_to_rgb",
]
