"""Functional neural networks on raw JAX, for image compression and reconstruction.

A model is a value made of two pure functions over parameter dicts:

>>> import jax
>>> import fnnet as fn
>>> model = fn.serial(fn.conv2d(8, 4, stride=2), fn.batch_norm(), fn.relu)
>>> params, state = model.init(jax.random.key(0), (16, 16, 3))
>>> y, state = model.apply(params, state, jax.numpy.zeros((1, 16, 16, 3)), train=True)
>>> y.shape
(1, 8, 8, 8)
"""

from fnnet import checkpoint, initializers, losses, metrics, ops, optim, schedules, train, trees
from fnnet.checkpoint import CheckpointError, load, save
from fnnet.combinators import residual, serial
from fnnet.core import Layer, LayerError
from fnnet.layers import (
    avg_pool,
    batch_norm,
    conv2d,
    conv_transpose2d,
    dense,
    depth_to_space,
    dropout,
    elu,
    flatten,
    gelu,
    identity,
    leaky_relu,
    max_pool,
    relu,
    reshape,
    resize,
    sigmoid,
    silu,
    space_to_depth,
    stateless,
    tanh,
)
from fnnet.summary import summary

__all__ = [
    "CheckpointError",
    "Layer",
    "LayerError",
    "avg_pool",
    "batch_norm",
    "checkpoint",
    "conv2d",
    "conv_transpose2d",
    "dense",
    "depth_to_space",
    "dropout",
    "elu",
    "flatten",
    "gelu",
    "identity",
    "initializers",
    "leaky_relu",
    "load",
    "losses",
    "max_pool",
    "metrics",
    "ops",
    "optim",
    "relu",
    "reshape",
    "residual",
    "resize",
    "save",
    "schedules",
    "serial",
    "sigmoid",
    "silu",
    "space_to_depth",
    "stateless",
    "summary",
    "tanh",
    "train",
    "trees",
]
