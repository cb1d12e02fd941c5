"""Networks as functions of frozen configs.

Each takes pictures (N, H, W, 3) with values in 0..1 and gives as many of the same size, for any
size from 1x1 up: the picture is continued by reflection to what the network needs, and the result
is cropped back. A network that compresses has children `encoder` and `decoder`.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from typing import Literal

import jax
import jax.numpy as jnp

import fnnet as fn
from fnnet import core, initializers
from fnnet.core import require

ACTIVATIONS = {
    "relu": fn.relu,
    "leaky_relu": fn.leaky_relu,
    "elu": fn.elu,
    "gelu": fn.gelu,
    "silu": fn.silu,
    "sigmoid": fn.sigmoid,
    "tanh": fn.tanh,
}
Activation = Literal["relu", "leaky_relu", "elu", "gelu", "silu", "sigmoid", "tanh"]
Pooling = Literal["stride", "max", "average"]
Precision = Literal["float32", "bfloat16"]


@dataclass(frozen=True, kw_only=True)
class _Config:
    precision: Precision = "float32"
    """What the network computes in; its parameters are float32."""


@dataclass(frozen=True, kw_only=True)
class MlpConfig(_Config):
    """A fully connected autoencoder on square patches, each for itself."""

    block: int = 16
    """Side of a patch in pixels."""
    depth: int = 1
    """Hidden layers each way."""
    width: int = 512
    """Features of a hidden layer."""
    bottleneck: int = 64
    """Numbers in a patch's latent vector."""
    activation: Activation = "relu"
    dropout: float = 0.0
    batch_norm: bool = False


@dataclass(frozen=True, kw_only=True)
class ShallowConfig(_Config):
    """One convolution to a coarser grid and one back."""

    stride: int = 4
    """How many times coarser the latents' grid is."""
    bottleneck: int = 8
    """Channels of the latents."""
    activation: Activation = "relu"


@dataclass(frozen=True, kw_only=True)
class ConvConfig(_Config):
    """Convolutions that halve the grid `depth` times, and the mirror image back."""

    depth: int = 3
    """How many times the grid is halved."""
    width: int = 32
    """Channels after the first halving; every further one doubles them."""
    bottleneck: int = 16
    """Channels of the latents, on the coarsest grid."""
    activation: Activation = "silu"
    dropout: float = 0.0
    batch_norm: bool = False
    pooling: Pooling = "stride"
    """How the grid is halved; "max" and "average" go back by bilinear enlargement."""


@dataclass(frozen=True, kw_only=True)
class ResidualConfig(_Config):
    """Residual blocks on a grid of half the resolution, by pixel shuffle."""

    depth: int = 4
    """Residual blocks (each way, with a bottleneck)."""
    width: int = 32
    """Channels inside."""
    bottleneck: int = 0
    """Channels of the latents on a grid of 1/8; 0 for none: then a correction is predicted."""
    activation: Activation = "relu"
    dropout: float = 0.0
    batch_norm: bool = False


def mlp(config: MlpConfig):
    """Build a fully connected autoencoder: patch -> vector -> latent vector -> vector -> patch."""
    hidden = [_dense_stage(config) for _ in range(2 * config.depth)]
    network = fn.serial(
        encoder=fn.serial(
            fn.flatten, *_joined(hidden[: config.depth]), latents=fn.dense(config.bottleneck)
        ),
        decoder=fn.serial(
            *_joined(hidden[config.depth :]),
            pixels=fn.dense(3 * config.block**2),
            patch=fn.reshape(config.block, config.block, 3),
        ),
    )
    return on_any_size(on_patches(network, config.block), config.block, config.precision)


def shallow(config: ShallowConfig):
    """Build the smallest convolutional autoencoder: one convolution each way."""
    kernel = 2 * config.stride
    network = fn.serial(
        encoder=fn.serial(
            fn.conv2d(config.bottleneck, kernel, stride=config.stride),
            ACTIVATIONS[config.activation],
        ),
        decoder=fn.serial(fn.conv_transpose2d(3, kernel, stride=config.stride)),
    )
    return on_any_size(network, config.stride, config.precision)


def conv(config: ConvConfig):
    """Build a convolutional autoencoder with a bottleneck of C channels."""
    widths = [config.width * 2**stage for stage in range(config.depth)]
    down = _joined([_down(config, width) for width in widths])
    up = _joined([_up(config, width) for width in reversed(widths[:-1])])
    network = fn.serial(
        encoder=fn.serial(*down, latents=fn.conv2d(config.bottleneck, 3)),
        decoder=fn.serial(
            fn.conv2d(widths[-1], 3, **_affine(config)),
            *_between(config),
            *up,
            pixels=fn.serial(*_enlarge(config, 3)),
        ),
    )
    return on_any_size(network, 2**config.depth, config.precision)


def residual(config: ResidualConfig):
    """Build residual blocks at half resolution; the result is a correction to the picture.

    With a bottleneck there is no way round it: the blocks make an encoder and a decoder.
    """
    blocks = [
        _block(config) for _ in range(2 * config.depth if config.bottleneck else config.depth)
    ]
    if not config.bottleneck:
        # The last kernel starts at zero, and so the network as the identity.
        shuffle = (fn.conv2d(12, 3, kernel_init=initializers.zeros()), fn.depth_to_space(2))
        body = fn.serial(fn.space_to_depth(2), fn.conv2d(config.width, 3), *blocks, *shuffle)
        return on_any_size(fn.residual(correction=body), 2, config.precision)
    network = fn.serial(
        encoder=fn.serial(
            fn.space_to_depth(2),
            fn.conv2d(config.width, 3),
            *blocks[: config.depth],
            fn.space_to_depth(4),
            latents=fn.conv2d(config.bottleneck, 1),
        ),
        decoder=fn.serial(
            fn.conv2d(16 * config.width, 1),
            fn.depth_to_space(4),
            *blocks[config.depth :],
            fn.conv2d(12, 3),
            pixels=fn.depth_to_space(2),
        ),
    )
    return on_any_size(network, 8, config.precision)


MODELS: dict[str, tuple[type, Callable]] = {
    "mlp": (MlpConfig, mlp),
    "shallow": (ShallowConfig, shallow),
    "conv": (ConvConfig, conv),
    "residual": (ResidualConfig, residual),
}


def configure(name, **given):
    """Make the config of the model called `name`; settings given as None keep their default.

    Raises
    ------
    LayerError
        If a setting does not apply to this model, or a value is out of its range.
    """
    config_type, _ = MODELS[name]
    given = {setting: value for setting, value in given.items() if value is not None}
    valid = [field.name for field in fields(config_type)]
    for setting in given:
        require(
            setting in valid,
            f"--{setting.replace('_', '-')} does not apply to the model {name!r}, which has "
            + ", ".join(f"--{other.replace('_', '-')}" for other in valid),
        )
    config = config_type(**given)
    _check_ranges(name, config)
    return config


def _check_ranges(name, config):
    for setting, value in asdict(config).items():
        least = 0 if (name, setting) in {("residual", "bottleneck"), ("mlp", "depth")} else 1
        if isinstance(value, int) and not isinstance(value, bool):
            most = {("conv", "depth"): 6}.get((name, setting), 4096)
            require(least <= value <= most, f"--{setting} {value}: must be in {least}..{most}")
    rate = getattr(config, "dropout", 0)
    require(0 <= rate < 1, f"--dropout {rate}: must be at least 0 and below 1")


def build(config):
    """Build the model that `config` describes."""
    return next(function for kind, function in MODELS.values() if kind is type(config))(config)


def to_json(config):
    """Describe a model's config as a dict of plain values that `from_json` reads."""
    name = next(name for name, (kind, _) in MODELS.items() if kind is type(config))
    return {"name": name, **asdict(config)}


def from_json(record):
    """Make a model's config of what `to_json` wrote."""
    settings = dict(record)
    return configure(settings.pop("name"), **settings)


def on_any_size(network, multiple, precision="float32"):
    """Let a network that needs sides divisible by `multiple` take pictures of any size.

    Bottom and right are continued by reflection (by the edge, where a side is too short to
    reflect) and cropped from the result. Grey levels 0..1 are centred on 0 inside, and only
    there computed with in `precision`: bfloat16 is finest near 0.
    """
    if precision != "float32":
        network = fn.train.Policy(precision).applied_to(network)

    def enter(x):
        first = "; pictures are NHWC: did channels come first?" if x.shape[1] == 3 else ""
        require(x.shape[3] == 3, f"expects 3 channels, the last axis has {x.shape[3]}{first}")
        return _pad(_pad(x, 1, multiple), 2, multiple) - 0.5

    def leave(y, x):
        return y[:, : x.shape[1], : x.shape[2]] + 0.5

    return _around(network, enter, leave, "on_any_size", multiple=multiple)


def on_patches(network, size):
    """Apply a network of patches (N, size, size, C) to every patch of a picture."""

    def enter(x):
        n, h, w, c = x.shape
        x = x.reshape(n, h // size, size, w // size, size, c).transpose(0, 1, 3, 2, 4, 5)
        return x.reshape(-1, size, size, c)  # N * rows * columns, size, size, C

    def leave(y, x):
        n, h, w, _ = x.shape
        y = y.reshape(n, h // size, w // size, size, size, -1).transpose(0, 1, 3, 2, 4, 5)
        return y.reshape(n, h, w, -1)

    return _around(network, enter, leave, "on_patches", size=size)


def _around(network, enter, leave, kind, **config):
    """Apply `network` to ``enter(x)``, and then ``leave(y, x)``."""

    def init(key, in_shape):
        require(len(in_shape) == 3, f"expects pictures (H, W, C), got an example of {in_shape}")
        inner = jax.eval_shape(enter, core.examples(in_shape)).shape[1:]
        params, state = core.init_child("network", network, key, inner)
        return {"network": params}, {"network": state} if state else {}

    def apply(params, state, x, *, key=None, train=False):
        require(x.ndim == 4, f"expects pictures (N, H, W, C), got {x.ndim} axes")
        y, inner = core.apply_child(
            "network", network, params, state, enter(x), key=key, train=train
        )
        return leave(y, x), {"network": inner} if inner else {}

    return fn.Layer(kind, init, apply, config, {"network": network})


def _pad(x, axis, multiple):
    missing = -x.shape[axis] % multiple
    widths = [(0, missing if a == axis else 0) for a in range(x.ndim)]
    return jnp.pad(x, widths, mode="reflect" if missing < x.shape[axis] else "edge")


def _joined(stages):
    return [layer for stage in stages for layer in stage]


def _between(config):
    """Make what stands between two affine layers: batch norm, activation, dropout."""
    norm = [fn.batch_norm()] if config.batch_norm else []
    drop = [fn.dropout(config.dropout)] if config.dropout else []
    return [*norm, ACTIVATIONS[config.activation], *drop]


def _affine(config):
    """Give the settings of a layer before `_between`: batch norm would take a bias out again."""
    return {"kernel_init": initializers.he_normal(), "use_bias": not config.batch_norm}


def _dense_stage(config):
    return [fn.dense(config.width, **_affine(config)), *_between(config)]


def _down(config, width):
    pool = {"max": [fn.max_pool(2)], "average": [fn.avg_pool(2)], "stride": []}[config.pooling]
    kernel = fn.conv2d(width, 3, stride=1 if pool else 2, **_affine(config))
    return [kernel, *_between(config), *pool]


def _up(config, width):
    return [*_enlarge(config, width, **_affine(config)), *_between(config)]


def _enlarge(config, features, **settings):
    if config.pooling == "stride":
        return [fn.conv_transpose2d(features, 4, **settings)]
    return [fn.resize(2), fn.conv2d(features, 3, **settings)]


def _block(config):
    first = fn.conv2d(config.width, 3, **_affine(config))
    # A small last kernel: a deep stack starts close to the identity (Zhang et al. 2019).
    last = fn.conv2d(config.width, 3, kernel_init=initializers.normal(0.01))
    return fn.residual(first, *_between(config), last)
