"""Frozen configs of the networks, and the checks of their settings."""

from dataclasses import asdict, dataclass, fields
from typing import Literal

from experiments.networks.bottlenecks import Latents
from fnnet.core import require

Activation = Literal["relu", "leaky_relu", "elu", "gelu", "silu", "sigmoid", "tanh"]
Norm = Literal["none", "batch", "layer", "group", "instance", "gdn"]
Pooling = Literal["stride", "max", "average"]
# CompressAI's for its models of qualities 1 to 6.
DISTORTION_WEIGHTS = (0.0018, 0.0035, 0.0067, 0.013, 0.025, 0.0483)
MOST_RATES = 64
Precision = Literal["float32", "bfloat16"]


class NetworkConfig:
    """The config of any network: base of the dataclasses in `CONFIGS`."""

    # For the networks that have no such setting. In a dataclass these would come before the fields
    # of every network, in another order than records have.
    dropout = 0.0
    norm = "none"


@dataclass(frozen=True, kw_only=True)
class _Config(NetworkConfig):
    precision: Precision = "float32"
    """Precision of the arithmetic; parameters are float32."""
    latents: Latents = "real"
    """Values of the bottleneck: real numbers, or integers that a file can hold."""
    distortion_weights: tuple[float, ...] = ()
    """For penalised latents, the weights of 255² x MSE beside the bits per pixel, one per rate."""


@dataclass(frozen=True, kw_only=True)
class MlpConfig(_Config):
    """A fully connected autoencoder on square patches, each by itself."""

    block: int = 16
    """Height and width of a patch in pixels."""
    depth: int = 1
    """Hidden layers each way."""
    width: int = 512
    """Features of a hidden layer."""
    bottleneck: int = 64
    """Numbers in a patch's latent vector."""
    activation: Activation = "relu"
    dropout: float = 0.0
    norm: Norm = "none"
    """Normalisation in front of each activation: "none", "batch" or "layer"."""


@dataclass(frozen=True, kw_only=True)
class ShallowConfig(_Config):
    """One convolution to a coarser grid and one back."""

    stride: int = 4
    """Factor by which the latents' grid is coarser than the image."""
    bottleneck: int = 8
    """Channels of the latents."""
    activation: Activation = "relu"


@dataclass(frozen=True, kw_only=True)
class ConvConfig(_Config):
    """Convolutions that halve the grid `depth` times, and the mirror image back."""

    depth: int = 3
    """Number of halvings of the grid."""
    width: int = 32
    """Channels after the first halving; every further one doubles them."""
    bottleneck: int = 16
    """Channels of the latents, on the coarsest grid."""
    activation: Activation = "silu"
    dropout: float = 0.0
    norm: Norm = "none"
    """Normalisation in front of each activation; "gdn" is its inverse in the decoder."""
    pooling: Pooling = "stride"
    """Downsampling of the grid; "max" and "average" upsample bilinearly in the decoder."""


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
    """Normalisation in front of each activation; "gdn" is its inverse in the decoder."""


CONFIGS: dict[str, type[NetworkConfig]] = {
    "mlp": MlpConfig,
    "shallow": ShallowConfig,
    "conv": ConvConfig,
    "residual": ResidualConfig,
    "pyramid": PyramidConfig,
}


def configure(name, **given):
    """Build a network's config; None is a setting's default. A bad setting raises a LayerError."""
    config_type = CONFIGS[name]
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
    dropout, norm = config.dropout, config.norm
    require(0 <= dropout < 1, f"--dropout {dropout}: must be at least 0 and below 1")
    require(
        name != "mlp" or norm in ("none", "batch", "layer"),
        f"--norm {norm}: the model 'mlp', which has no spatial axes, takes none, batch or layer",
    )


def _check_latents(config):
    weights = config.distortion_weights
    require(
        config.latents == "real" or config.bottleneck > 0,
        f"--latents {config.latents}: the model has no bottleneck to hold them; set one: "
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


def name_of(config):
    """Return the name of a config's network in `CONFIGS`."""
    return next(name for name, kind in CONFIGS.items() if kind is type(config))


def to_json(config):
    """Return a network's config as a dict of plain values that `from_json` reads."""
    weights = {"distortion_weights": list(config.distortion_weights)}  # as JSON gives them back
    return {"name": name_of(config), **asdict(config), **weights}


def from_json(record):
    """Build a network's config from what `to_json` wrote."""
    settings = dict(record)
    return configure(settings.pop("name"), **settings)
