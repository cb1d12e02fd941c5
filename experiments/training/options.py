"""Training options: network, recipe and devices."""

import math
from dataclasses import dataclass, fields, replace
from typing import Literal

import jax

from experiments.images import Grid
from experiments.networks import configs
from experiments.networks.bottlenecks import Latents
from experiments.networks.configs import Activation, Norm, Pooling, Precision
from experiments.networks.losses import LossName
from experiments.runs.recipes import CLIPS, LEARNING_RATES, OptimizerName, Recipe, ScheduleName
from experiments.system import compiler_flags
from fnnet.core import require

NetworkName = Literal["mlp", "shallow", "conv", "residual", "pyramid"]
# Chosen so that each network's run takes about four minutes on two cores.
_STEPS = {"mlp": 8000, "shallow": 8000, "conv": 2500, "residual": 1200, "pyramid": 900}


@dataclass(frozen=True, kw_only=True)
class NetworkOptions:
    """The network and its settings; None selects the network's default."""

    model: NetworkName | None = None
    """Default: conv; for restore, residual."""
    depth: int | None = None
    """Halvings of the grid (conv), residual blocks (residual), hidden layers each way (mlp)."""
    width: int | None = None
    """Channels or features of the hidden layers."""
    bottleneck: int | None = None
    """Channels of the latents, or numbers in a block's latent vector (mlp)."""
    activation: Activation | None = None
    """Activation between affine layers. Default: silu for conv, else relu."""
    dropout: float | None = None
    """Share of the hidden values that is dropped during training."""
    norm: Norm | None = None
    """Normalisation in front of each activation (mlp: batch or layer). Default: none."""
    pooling: Pooling | None = None
    """Downsampling of conv. Default: stride."""
    block: int | None = None
    """Height and width of the blocks that mlp works on, in pixels."""
    stride: int | None = None
    """Factor by which the grid of shallow's latents is coarser than the image."""
    latents: Latents | None = None
    """Values of the bottleneck. real: real numbers, for emulate and restore. bounded: integers
    from -8 to 8. penalised: integers whose bits are part of the loss. Default: bounded for
    autoencode, else real."""
    distortion_weights: tuple[float, ...] | None = None
    """For penalised latents: the network is trained for bits per pixel + weight x 255² x loss, for
    each of these weights at once. Default: 0.0018 0.0035 0.0067 0.013 0.025 0.0483."""
    precision: Precision = "float32"
    """Precision of the network's arithmetic. bfloat16 has 8 bits of precision and is faster on
    GPUs, and on CPUs that have instructions for it; weights, statistics and the loss stay
    float32."""

    def completed(self, task, *, tiny):
        """Fill in the task's network and latents; a tiny run's network is narrow."""
        model = self.model or task.model
        narrow = 8 if tiny and model != "shallow" else None
        return replace(
            self, model=model, latents=self.latents or task.latents, width=self.width or narrow
        )

    def config(self):
        """Build the network's own config; raise a LayerError if a setting does not apply to it."""
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        return configs.configure(given.pop("model"), **given)

    def check(self):
        """Raise `LayerError` if a value is invalid for every network."""
        _require_at_least_1("width", self.width)
        if self.precision == "bfloat16" and jax.default_backend() == "cpu":
            slow = compiler_flags.why_bfloat16_is_slow()
            require(slow is None, f"--precision bfloat16: {slow}")


@dataclass(frozen=True, kw_only=True)
class RecipeOptions:
    """Training hyperparameters; None selects a default that depends on other options."""

    loss: LossName = "mse"
    """Loss that is minimised; mse gives the best PSNR."""
    optimizer: OptimizerName = "adam"
    """muon steps kernels along orthogonal matrices, and all else as adam does."""
    learning_rate: float | None = None
    """The schedule's peak. Default: 0.002 for adam, adamw and muon, 0.001 for rmsprop, 0.0003 for
    lion, 0.5 for momentum and nesterov, 2 for sgd."""
    schedule: ScheduleName = "cosine"
    """Decay of the learning rate; cosine warms up over the first twentieth."""
    clip: float | None = None
    """Gradients are scaled down to this global norm where they exceed it. Default: 1 for sgd,
    momentum and nesterov, else 0.02."""
    steps: int | None = None
    """Optimiser steps. Default: about four minutes' worth on two cores."""
    batch: int | None = None
    """Patches per step. Default: 64."""
    patch: int | None = None
    """Height and width of a training patch in pixels. Default: 48."""
    grid: Grid = "any"
    """Position of patches on JPEG's 8x8 grid. any: anywhere; keep: their corners are blocks'
    corners, as a whole image's are; shift: their corners never are."""

    def completed(self, model, *, tiny):
        """Fill in the defaults for the network named `model`."""
        return replace(
            self,
            learning_rate=self.learning_rate or LEARNING_RATES[self.optimizer],
            clip=self.clip or CLIPS[self.optimizer],
            steps=self.steps or (12 if tiny else _STEPS[model]),
            batch=self.batch or (4 if tiny else 64),
            patch=self.patch or 48,
        )

    def recipe(self):
        """Return the recipe that completed options describe."""
        return Recipe(**{field.name: getattr(self, field.name) for field in fields(Recipe)})

    def check(self):
        """Raise `LayerError` if a value is out of its range."""
        for name, value in (("steps", self.steps), ("batch", self.batch), ("patch", self.patch)):
            _require_at_least_1(name, value)
        require(
            self.grid != "keep" or (self.patch or 48) % 8 == 0,
            f"--patch {self.patch}: must be a multiple of 8 for --grid keep",
        )
        for option, value in (("clip", self.clip), ("learning-rate", self.learning_rate)):
            require_positive(option, value)


@dataclass(frozen=True, kw_only=True)
class MachineOptions:
    """Devices and processes of a run; a resumed run may use others."""

    devices: int | Literal["all"] | None = None
    """Devices to share each batch out to, which must divide it. Default: one."""
    distributed: bool = False
    """Train in several processes, on one machine or many, on all devices of each; process 0 prints
    and writes. The next three are found in the environment of a cluster that JAX knows."""
    coordinator_address: str | None = None
    """host:port on which process 0 listens."""
    num_processes: int | None = None
    """Number of processes that train together."""
    process_id: int | None = None
    """This process's number, from 0."""
    join_seconds: float = 60.0
    """Time to wait until all processes are there."""

    def check(self):
        """Raise `LayerError` if options contradict each other."""
        if self.distributed:
            require(
                self.devices is None,
                f"--devices {self.devices}: --distributed takes all devices of all processes",
            )
            return
        for field in fields(self):
            if field.name not in ("devices", "distributed"):
                value = getattr(self, field.name)
                option = f"--{field.name.replace('_', '-')} {value}"
                require(value == field.default, f"{option}: goes with --distributed")


def require_positive(option, value):
    """Raise `LayerError` unless an option is left open, or above 0 and finite."""
    require(
        value is None or (value > 0 and math.isfinite(value)),
        f"--{option} {value}: must be above 0",
    )


def _require_at_least_1(option, value):
    require(value is None or value >= 1, f"--{option} {value}: must be at least 1")
