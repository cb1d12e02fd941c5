"""Networks as functions of frozen configs.

Each takes pictures (N, H, W, 3) with values in 0..1 and gives as many of the same size, for any
size from 1x1 up: the picture is continued by reflection to what the network needs, and the result
is cropped back. A network with a bottleneck is an `Autoencoder`, which can be used in two halves.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from functools import partial
from typing import Literal

import jax

import fnnet as fn
from experiments.autoencoders import Latents, autoencoder
from experiments.padding import finished, prepared
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
Norm = Literal["none", "batch", "layer", "group", "instance", "gdn"]
Pooling = Literal["stride", "max", "average"]
# CompressAI's for its models of qualities 1 to 6.
DISTORTION_WEIGHTS = (0.0018, 0.0035, 0.0067, 0.013, 0.025, 0.0483)
MOST_RATES = 64
Precision = Literal["float32", "bfloat16"]


@dataclass(frozen=True, kw_only=True)
class _Config:
    precision: Precision = "float32"
    """What the network computes in; its parameters are float32."""
    latents: Latents = "real"
    """What the bottleneck holds: real numbers, or whole ones that a file can hold."""
    distortion_weights: tuple[float, ...] = ()
    """For penalised latents, the weights of 255² x MSE beside the bits a pixel, one a rate."""


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
    norm: Norm = "none"
    """What stands in front of each activation: "none", "batch" or "layer"."""


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
    norm: Norm = "none"
    """What stands in front of each activation; "gdn" is its inverse in the decoder."""
    pooling: Pooling = "stride"
    """How the grid is halved; "max" and "average" go back by bilinear enlargement."""


@dataclass(frozen=True, kw_only=True)
class PyramidConfig(_Config):
    """Residual blocks on grids of 1/4, 1/8 and 1/16, joined by pixel shuffles."""

    depth: int = 2
    """Residual blocks on each of the grids of 1/4 and 1/8, each way; one less, but at least one, on
    that of 1/16, where they have most of the parameters."""
    width: int = 48
    """Channels on the grid of 1/4; 2 and 4 times as many on the others."""
    bottleneck: int = 192
    """Channels of the latents, on the grid of 1/16."""
    activation: Activation = "relu"


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
    norm: Norm = "none"
    """What stands in front of each activation; "gdn" is its inverse in the decoder."""


def mlp(config: MlpConfig):
    """Build a fully connected autoencoder: patch -> vector -> latent vector -> vector -> patch."""
    hidden = [_dense_stage(config) for _ in range(2 * config.depth)]
    side = config.block
    encoder = _in(config, fn.flatten, *_joined(hidden[: config.depth]))
    decoder = _in(
        config,
        *_joined(hidden[config.depth :]),
        pixels=fn.dense(3 * side**2),
        patch=fn.reshape(side, side, 3),
    )
    return _autoencoder(
        config,
        side,
        from_patches(fn.serial(body=encoder, latents=fn.dense(config.bottleneck)), side),
        to_patches(decoder, side),
    )


def shallow(config: ShallowConfig):
    """Build the smallest convolutional autoencoder: one convolution each way."""
    kernel = 2 * config.stride
    # Latents that are coded have bounds or a prior instead of the activation.
    after = [ACTIVATIONS[config.activation]] if config.latents == "real" else []
    return _autoencoder(
        config,
        config.stride,
        _in(config, fn.conv2d(config.bottleneck, kernel, stride=config.stride), *after),
        _in(config, fn.conv_transpose2d(3, kernel, stride=config.stride)),
    )


def conv(config: ConvConfig):
    """Build a convolutional autoencoder with a bottleneck of C channels."""
    widths = [config.width * 2**stage for stage in range(config.depth)]
    down = _joined([_down(config, width) for width in widths])
    up = _joined([_up(config, width) for width in reversed(widths[:-1])])
    first = (fn.conv2d(widths[-1], 3, **_affine(config)), *_between(config, decodes=True))
    return _autoencoder(
        config,
        2**config.depth,
        fn.serial(body=_in(config, *down), latents=fn.conv2d(config.bottleneck, 3)),
        _in(config, *first, *up, pixels=fn.serial(*_enlarge(config, 3))),
    )


def pyramid(config: PyramidConfig):
    """Build residual blocks on three grids, most of them where they are cheap."""
    fine, middle, coarse = (config.width * factor for factor in (1, 2, 4))
    many, few = config.depth, max(config.depth - 1, 1)

    def blocks(width, count):
        return [_block(config, width) for _ in range(count)]

    encoder = (
        *(fn.space_to_depth(4), fn.conv2d(fine, 3), *blocks(fine, many)),
        *(fn.space_to_depth(2), fn.conv2d(middle, 3), *blocks(middle, many)),
        *(fn.space_to_depth(2), fn.conv2d(coarse, 1), *blocks(coarse, few)),
    )
    decoder = (
        *(*blocks(coarse, few), fn.conv2d(4 * middle, 1), fn.depth_to_space(2)),
        *(*blocks(middle, many), fn.conv2d(4 * fine, 3), fn.depth_to_space(2)),
        *(*blocks(fine, many), fn.conv2d(48, 3)),
    )
    return _autoencoder(
        config,
        16,
        fn.serial(body=_in(config, *encoder), latents=fn.conv2d(config.bottleneck, 1)),
        # What takes the latents computes in float32: they have more digits than bfloat16.
        fn.serial(fn.conv2d(coarse, 1), body=_in(config, *decoder), pixels=fn.depth_to_space(4)),
    )


def residual(config: ResidualConfig):
    """Build residual blocks at half resolution; the result is a correction to the picture.

    With a bottleneck there is no way round it: the blocks make an encoder and a decoder.
    """
    enter = (fn.space_to_depth(2), fn.conv2d(config.width, 3))
    blocks = [_block(config, config.width) for _ in range(config.depth)]
    if not config.bottleneck:
        # The last kernel starts at zero, and so the network as the identity.
        shuffle = (fn.conv2d(12, 3, kernel_init=initializers.zeros()), fn.depth_to_space(2))
        body = fn.serial(*enter, *blocks, *shuffle)
        return on_any_size(_in(config, fn.residual(correction=body)), 2)
    down = (*enter, *blocks, fn.space_to_depth(4))
    blocks = [_block(config, config.width, decodes=True) for _ in range(config.depth)]
    up = (fn.conv2d(16 * config.width, 1), fn.depth_to_space(4), *blocks)
    return _autoencoder(
        config,
        8,
        fn.serial(body=_in(config, *down), latents=fn.conv2d(config.bottleneck, 1)),
        _in(config, *up, fn.conv2d(12, 3), pixels=fn.depth_to_space(2)),
    )


MODELS: dict[str, tuple[type, Callable]] = {
    "mlp": (MlpConfig, mlp),
    "shallow": (ShallowConfig, shallow),
    "conv": (ConvConfig, conv),
    "residual": (ResidualConfig, residual),
    "pyramid": (PyramidConfig, pyramid),
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
    if given.get("latents") == "penalised":
        given = {"distortion_weights": DISTORTION_WEIGHTS} | given
    if "distortion_weights" in given:
        given["distortion_weights"] = tuple(map(float, given["distortion_weights"]))
    config = config_type(**given)
    _check_ranges(name, config)
    _check_latents(config)
    return config


def _check_ranges(name, config):
    for setting, value in asdict(config).items():
        least = 0 if (name, setting) in {("residual", "bottleneck"), ("mlp", "depth")} else 1
        if isinstance(value, int) and not isinstance(value, bool):
            most = {("conv", "depth"): 6}.get((name, setting), 4096)
            require(least <= value <= most, f"--{setting} {value}: must be in {least}..{most}")
    rate = getattr(config, "dropout", 0)
    require(0 <= rate < 1, f"--dropout {rate}: must be at least 0 and below 1")
    norm = _norm(config)
    require(
        name != "mlp" or norm in ("none", "batch", "layer"),
        f"--norm {norm}: the model 'mlp', which has no places, takes none, batch or layer",
    )


def _check_latents(config):
    weights = config.distortion_weights
    require(
        config.latents == "real" or config.bottleneck > 0,
        f"--latents {config.latents}: the model has no bottleneck to hold them; give it one: "
        "--bottleneck 16",
    )
    require(
        bool(weights) == (config.latents == "penalised"),
        f"--distortion-weights {' '.join(map(str, weights))}: go with --latents penalised",
    )
    require(
        all(weight > 0 for weight in weights) and list(weights) == sorted(set(weights)),
        f"--distortion-weights {' '.join(map(str, weights))}: must be above 0 and rise",
    )
    require(
        len(weights) <= MOST_RATES,
        f"--distortion-weights: {len(weights)} of them; there may be {MOST_RATES}",
    )


def build(config):
    """Build the model that `config` describes."""
    return next(function for kind, function in MODELS.values() if kind is type(config))(config)


def to_json(config):
    """Describe a model's config as a dict of plain values that `from_json` reads."""
    name = next(name for name, (kind, _) in MODELS.items() if kind is type(config))
    weights = {"distortion_weights": list(config.distortion_weights)}  # as JSON gives them back
    return {"name": name, **asdict(config), **weights}


def from_json(record):
    """Make a model's config of what `to_json` wrote."""
    settings = dict(record)
    return configure(settings.pop("name"), **settings)


def on_any_size(network, multiple):
    """Let a network that needs sides divisible by `multiple` take pictures of any size.

    What is added and how values are centred tells `experiments.padding.prepared`.
    """
    return _around(
        network,
        partial(prepared, multiple=multiple),
        lambda y, x: finished(y, x.shape[1:3]),
        "on_any_size",
        multiple=multiple,
    )


def from_patches(network, size):
    """Apply a network (N, size, size, C) -> (N, features) to every patch of a picture.

    (N, H, W, C) -> (N, H / size, W / size, features).
    """

    def enter(x):
        n, h, w, c = x.shape
        x = x.reshape(n, h // size, size, w // size, size, c).transpose(0, 1, 3, 2, 4, 5)
        return x.reshape(-1, size, size, c)  # N * rows * columns, size, size, C

    def leave(y, x):
        n, h, w, _ = x.shape
        return y.reshape(n, h // size, w // size, -1)

    return _around(network, enter, leave, "from_patches", size=size)


def to_patches(network, size):
    """Apply a network (N, features) -> (N, size, size, C) at every place, and join the patches.

    (N, rows, columns, features) -> (N, rows * size, columns * size, C).
    """

    def enter(x):
        return x.reshape(-1, x.shape[-1])

    def leave(y, x):
        n, rows, columns, _ = x.shape
        y = y.reshape(n, rows, columns, size, size, -1).transpose(0, 1, 3, 2, 4, 5)
        return y.reshape(n, rows * size, columns * size, -1)

    return _around(network, enter, leave, "to_patches", size=size)


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


def _autoencoder(config, multiple, encoder, decoder):
    return autoencoder(
        encoder,
        decoder,
        multiple,
        latents=config.latents,
        distortion_weights=config.distortion_weights,
    )


def _in(config, *layers, **named):
    """Put layers one after another that compute in the config's precision."""
    network = fn.serial(*layers, **named)
    if config.precision == "float32":
        return network
    return fn.train.Policy(config.precision).applied_to(network)


def _joined(stages):
    return [layer for stage in stages for layer in stage]


def _between(config, *, decodes=False):
    """Make what stands between two affine layers: norm, activation, dropout."""
    rate = getattr(config, "dropout", 0)
    drop = [fn.dropout(rate)] if rate else []
    return [*_norms(config, decodes), ACTIVATIONS[config.activation], *drop]


def _affine(config):
    """Give the settings of a layer before `_between`: batch norm would take a bias out again."""
    return {"kernel_init": initializers.he_normal(), "use_bias": _norm(config) != "batch"}


def _norms(config, decodes):
    make = {
        "none": lambda: [],
        "batch": lambda: [fn.batch_norm()],
        "layer": lambda: [fn.layer_norm()],
        "group": lambda: [fn.group_norm(_groups(config.width))],
        "instance": lambda: [fn.instance_norm()],
        "gdn": lambda: [fn.gdn(inverse=decodes)],
    }
    return make[_norm(config)]()


def _norm(config):
    return getattr(config, "norm", "none")


def _groups(width):
    """Find the greatest number up to 8 that divides `width`, and so its multiples."""
    return next(groups for groups in range(8, 0, -1) if width % groups == 0)


def _dense_stage(config):
    return [fn.dense(config.width, **_affine(config)), *_between(config)]


def _down(config, width):
    pool = {"max": [fn.max_pool(2)], "average": [fn.avg_pool(2)], "stride": []}[config.pooling]
    kernel = fn.conv2d(width, 3, stride=1 if pool else 2, **_affine(config))
    return [kernel, *_between(config), *pool]


def _up(config, width):
    return [*_enlarge(config, width, **_affine(config)), *_between(config, decodes=True)]


def _enlarge(config, features, **settings):
    if config.pooling == "stride":
        return [fn.conv_transpose2d(features, 4, **settings)]
    return [fn.resize(2), fn.conv2d(features, 3, **settings)]


def _block(config, width, *, decodes=False):
    first = fn.conv2d(width, 3, **_affine(config))
    # A small last kernel: a deep stack starts close to the identity (Zhang et al. 2019).
    last = fn.conv2d(width, 3, kernel_init=initializers.normal(0.01))
    return fn.residual(first, *_between(config, decodes=decodes), last)
