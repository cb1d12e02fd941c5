"""Array functions: arrays in, arrays out; no parameters made, no state kept.

Images are (N, H, W, C). Whole numbers, and shapes that do not fit, are refused by `LayerError`.
"""

from fnnet.ops.activations import (
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
from fnnet.ops.color import (
    rgb_to_ycbcr,
    rgb_to_ycbcr_studio,
    ycbcr_studio_to_rgb,
    ycbcr_to_rgb,
)
from fnnet.ops.conv import conv2d, conv_transpose2d, depthwise_conv2d
from fnnet.ops.dct import block_dct, block_idct
from fnnet.ops.dense import dense
from fnnet.ops.dropout import dropout, spatial_dropout
from fnnet.ops.entropy import logistic_mixture_bits
from fnnet.ops.gdn import gdn
from fnnet.ops.norm import batch_norm, group_norm, instance_norm, layer_norm
from fnnet.ops.pool import adaptive_avg_pool, avg_pool, global_avg_pool, max_pool
from fnnet.ops.quantize import add_uniform_noise, round_straight_through, soft_round
from fnnet.ops.resample import resize
from fnnet.ops.shuffle import depth_to_space, space_to_depth

__all__ = [
    "adaptive_avg_pool",
    "add_uniform_noise",
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
    "logistic_mixture_bits",
    "max_pool",
    "prelu",
    "relu",
    "resize",
    "rgb_to_ycbcr",
    "rgb_to_ycbcr_studio",
    "round_straight_through",
    "sigmoid",
    "silu",
    "soft_round",
    "softmax",
    "softplus",
    "space_to_depth",
    "spatial_dropout",
    "tanh",
    "ycbcr_studio_to_rgb",
    "ycbcr_to_rgb",
]
