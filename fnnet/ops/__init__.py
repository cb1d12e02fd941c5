"""Array functions, without parameters or state.

Images are (N, H, W, C). Integer arrays, and shapes that do not fit, raise `LayerError`.
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
