"""The reference networks in fnnet."""

from functools import partial

import jax
import jax.numpy as jnp
import jaxlib
import numpy as np

import fnnet as fn
from experiments.benchmarks import networks
from experiments.benchmarks.jobs import LEARNING_RATE, PRODUCT_SIZE, VARIANTS, Prepared

_LAYERS = {
    networks.Conv: lambda layer: fn.conv2d(
        layer.features, layer.kernel, stride=layer.stride, use_bias=layer.bias
    ),
    networks.Transpose: lambda layer: fn.conv_transpose2d(
        layer.features, layer.kernel, use_bias=layer.bias
    ),
    networks.Dense: lambda layer: fn.dense(layer.features),
    networks.BatchNorm: lambda layer: fn.batch_norm(),
    networks.Relu: lambda layer: fn.relu,
    networks.Dropout: lambda layer: fn.dropout(layer.rate),
    networks.MaxPool: lambda layer: fn.max_pool(2),
    networks.Enlarge: lambda layer: fn.resize(2),
    networks.SpaceToDepth: lambda layer: fn.space_to_depth(2),
    networks.DepthToSpace: lambda layer: fn.depth_to_space(2),
    networks.Residual: lambda layer: fn.residual(*map(make, layer.layers)),
}


def make(layer):
    """Build fnnet's layer from a layer of `networks`."""
    return _LAYERS[type(layer)](layer)


def prepare(job):
    """Prepare a job for being called and timed."""
    versions = {"jax": jax.__version__, "jaxlib": jaxlib.__version__}
    if job.mode == "product":
        return Prepared(product(), versions)
    model = fn.serial(*map(make, job.build().layers))
    model = fn.in_precision(model, VARIANTS[job.variant].precision)
    x = jnp.asarray(np.random.default_rng(0).random(job.shape, np.float32))
    params, state = model.init(jax.random.key(0), x.shape[1:])
    count = fn.trees.size(params)
    if job.mode == "train":
        call, compiled = _training(model, params, state, x, job.seeds)
    else:
        call, compiled = _inference(model, params, state, x)
    return Prepared(call, versions, count, partial(_temporary_bytes, compiled))


def product():
    """Prepare the product of two square float32 matrices."""
    draw = np.random.default_rng(0).random
    a, b = (jnp.asarray(draw((PRODUCT_SIZE, PRODUCT_SIZE), np.float32)) for _ in range(2))
    multiply = jax.jit(jnp.dot)
    return lambda: multiply(a, b).block_until_ready()


def _training(model, params, state, x, seeds):
    def loss(params, state, batch, key):
        y, state = model.apply(params, state, batch, key=key, train=True)
        return fn.losses.mse(y, batch).mean(), (state, {})

    optimizer = fn.optim.adam(LEARNING_RATE)
    step = fn.train.make_step(loss, optimizer)
    train_state, key = fn.train.init_state(params, state, optimizer), jax.random.key(1)
    if seeds > 1:  # equal initial values do not change the cost
        train_state = jax.tree.map(lambda leaf: jnp.stack([leaf] * seeds), train_state)
        step = jax.jit(jax.vmap(step, (0, None, None)), donate_argnums=0)

    def call():
        nonlocal train_state
        train_state, metrics = step(train_state, x, key)
        jax.block_until_ready((train_state, metrics))

    return call, lambda: step.lower(train_state, x, key)


def _inference(model, params, state, x):
    forward = jax.jit(lambda params, state, x: model.apply(params, state, x)[0])

    def call():
        forward(params, state, x).block_until_ready()

    return call, lambda: forward.lower(params, state, x)


def _temporary_bytes(lowered):
    analysis = lowered().compile().memory_analysis()
    return None if analysis is None else analysis.temp_size_in_bytes
