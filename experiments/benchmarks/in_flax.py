"""The reference networks in Flax NNX with optax."""

import flax
import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from experiments.benchmarks import networks
from experiments.benchmarks.in_fnnet import product
from experiments.benchmarks.jobs import LEARNING_RATE, Prepared


class _Residual(nnx.Module):
    def __init__(self, *layers):
        self.layers = nnx.Sequential(*layers)

    def __call__(self, x):
        return x + self.layers(x)


def _enlarge(x):
    n, h, w, c = x.shape
    return jax.image.resize(x, (n, 2 * h, 2 * w, c), "bilinear")


def _space_to_depth(x):
    n, h, w, c = x.shape
    x = x.reshape(n, h // 2, 2, w // 2, 2, c).transpose(0, 1, 3, 2, 4, 5)
    return x.reshape(n, h // 2, w // 2, 4 * c)


def _depth_to_space(x):
    n, h, w, c = x.shape
    x = x.reshape(n, h, w, 2, 2, c // 4).transpose(0, 1, 3, 2, 4, 5)
    return x.reshape(n, 2 * h, 2 * w, c // 4)


def _conv(kind, layer, stride, channels, rngs):
    size = (layer.kernel, layer.kernel)
    strides = (stride, stride)
    return kind(channels, layer.features, size, strides, use_bias=layer.bias, rngs=rngs)


_LAYERS = {
    networks.Conv: lambda layer, c, rngs: _conv(nnx.Conv, layer, layer.stride, c, rngs),
    networks.Transpose: lambda layer, c, rngs: _conv(nnx.ConvTranspose, layer, 2, c, rngs),
    networks.Dense: lambda layer, c, rngs: nnx.Linear(c, layer.features, rngs=rngs),
    networks.BatchNorm: lambda layer, c, rngs: nnx.BatchNorm(c, momentum=0.9, rngs=rngs),
    networks.Relu: lambda layer, c, rngs: nnx.relu,
    networks.Dropout: lambda layer, c, rngs: nnx.Dropout(layer.rate, rngs=rngs),
    networks.MaxPool: lambda layer, c, rngs: lambda x: nnx.max_pool(x, (2, 2), (2, 2)),
    networks.Enlarge: lambda layer, c, rngs: _enlarge,
    networks.SpaceToDepth: lambda layer, c, rngs: _space_to_depth,
    networks.DepthToSpace: lambda layer, c, rngs: _depth_to_space,
}


def prepare(job):
    """Prepare a job for being called and timed."""
    versions = {"flax": flax.__version__, "optax": optax.__version__}
    if job.mode == "product":
        return Prepared(product(), versions)
    rngs = nnx.Rngs(0)
    layers = networks.build_all(
        job.build().layers,
        job.shape,
        lambda layer, channels: _LAYERS[type(layer)](layer, channels, rngs),
        _Residual,
    )
    model = nnx.Sequential(*layers)
    count = sum(leaf.size for leaf in jax.tree.leaves(nnx.state(model, nnx.Param)))
    x = jnp.asarray(np.random.default_rng(0).random(job.shape, np.float32))
    begin = _training if job.mode == "train" else _inference
    return Prepared(begin(model, x), versions, count)


def _training(model, x):
    optimizer = nnx.Optimizer(model, optax.adam(LEARNING_RATE), wrt=nnx.Param)

    @nnx.jit
    def step(model, optimizer, x):
        def loss(model):
            return jnp.mean((model(x) - x) ** 2)

        value, grads = nnx.value_and_grad(loss)(model)
        optimizer.update(model, grads)
        return value

    # Flax's own advice against the cost of walking the model's objects at every call.
    cached = nnx.cached_partial(step, model, optimizer)

    return lambda: cached(x).block_until_ready()


def _inference(model, x):
    model.eval()
    forward = nnx.cached_partial(nnx.jit(lambda model, x: model(x)), model)
    return lambda: forward(x).block_until_ready()
