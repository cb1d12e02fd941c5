"""Functional neural networks on raw JAX, for image compression and reconstruction.

The names imported here are the public ones; the modules among them list their own.

A model is a value made of two pure functions over parameter dicts:

>>> import jax
>>> import fnnet as fn
>>> model = fn.serial(fn.conv2d(8, 4, stride=2), fn.batch_norm(), fn.relu)
>>> params, state = model.init(jax.random.key(0), (16, 16, 3))
>>> y, state = model.apply(params, state, jax.numpy.zeros((1, 16, 16, 3)), train=True)
>>> y.shape
(1, 8, 8, 8)
"""

from fnnet import (
    checkpoint,
    checkpoint_series,
    files,
    initializers,
    losses,
    metrics,
    ops,
    optim,
    schedules,
    train,
    trees,
)
from fnnet.checkpoint import CheckpointError, load, save
from fnnet.combinators import (
    branch,
    frozen,
    in_precision,
    remat,
    repeat,
    residual,
    serial,
    shared,
    skip,
)
from fnnet.core import Layer, LayerError
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
from fnnet.layers.color import rgb_to_ycbcr, rgb_to_ycbcr_studio, ycbcr_studio_to_rgb, ycbcr_to_rgb
from fnnet.layers.conv import conv2d, conv_transpose2d, depthwise_conv2d
from fnnet.layers.dense import dense
from fnnet.layers.dropout import dropout, spatial_dropout
from fnnet.layers.entropy import factorized_prior
from fnnet.layers.norm import batch_norm, gdn, group_norm, instance_norm, layer_norm
from fnnet.layers.pool import adaptive_avg_pool, avg_pool, global_avg_pool, max_pool
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
from fnnet.layers.stateless import stateless
from fnnet.summary import summary
