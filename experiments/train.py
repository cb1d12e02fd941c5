"""Train one network on images and show what it learned."""

import json
import math
import shlex
import time
from contextlib import ExitStack, nullcontext
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Literal

import jax
import tyro

from experiments.cli.commands import Interrupted, from_json, run_command
from experiments.images import Grid, locate
from experiments.networks import configs
from experiments.networks.bottlenecks import Latents
from experiments.networks.configs import Activation, Norm, Pooling, Precision
from experiments.networks.tasks import TASKS, LossName, TaskName, check
from experiments.runs import records
from experiments.runs.recipes import CLIPS, LEARNING_RATES, OptimizerName, ScheduleName
from experiments.system import compiler_flags, folders, locks, storage
from experiments.training import multihost
from experiments.training.devices import place
from experiments.training.session import digest, load_training_pairs, train_run
from fnnet.core import require

# Chosen so that each model's run takes about four minutes on two cores.
_STEPS = {"mlp": 8000, "shallow": 8000, "conv": 2500, "residual": 1200, "pyramid": 900}
# What a run is made of does not say where; it may go on elsewhere.
_MACHINES = (
    *("devices", "distributed", "coordinator_address", "num_processes", "process_id"),
    "join_seconds",
)
_WHERE = ("out", "config", "resume", *_MACHINES)
_MODEL_SETTINGS = (
    *("depth", "width", "bottleneck", "activation", "dropout", "norm"),
    *("pooling", "block", "stride", "precision", "latents", "distortion_weights"),
)


@dataclass(frozen=True, kw_only=True)
class Config:
    """Train one network on images and show what it learned.

    Without options: an autoencoder that compresses, trained on photographs that come with
    scikit-image, in about 4 minutes on 2 cores. A run folder appears with the checkpoint, the
    curves (curves.png), and original, JPEG and reconstruction side by side (comparison.png); a
    table of PSNR and SSIM on held-out images is printed.
    """

    task: TaskName = "autoencode"
    """autoencode: original in, original out, through the bottleneck (compression). emulate:
    original in, its JPEG version out. restore: JPEG version in, original out."""
    data: str | None = None
    """A folder of images, or of refimgs and qf10..qf90; or the name of a set under the folder
    that FNNET_DATA names. Default: photographs that come with scikit-image."""
    quality: int = 10
    """Quality of the JPEG versions, 1 to 100: taken from the set if it has them, else made."""
    model: Literal["mlp", "shallow", "conv", "residual", "pyramid"] | None = None
    """Default: conv; for restore, residual."""
    depth: int | None = None
    """Halvings of the grid (conv), residual blocks (residual), hidden layers each way (mlp)."""
    width: int | None = None
    """Channels or features of the hidden layers."""
    bottleneck: int | None = None
    """Channels of the latents, or numbers in a block's latent vector (mlp)."""
    activation: Activation | None = None
    """What stands between affine layers. Default: silu for conv, else relu."""
    dropout: float | None = None
    """Share of the hidden values that is dropped in training."""
    norm: Norm | None = None
    """Normalisation in front of each activation (mlp: batch or layer). Default: none."""
    pooling: Pooling | None = None
    """How conv halves the grid. Default: stride."""
    block: int | None = None
    """Side of the blocks that mlp works on, in pixels."""
    stride: int | None = None
    """How many times coarser the grid of shallow's latents is."""
    latents: Latents | None = None
    """What the bottleneck holds. real: real numbers, for emulate and restore. bounded: whole
    numbers from -8 to 8. penalised: whole numbers whose bits are part of the loss. Default:
    bounded for autoencode, else real."""
    distortion_weights: tuple[float, ...] | None = None
    """For penalised latents: the network is trained for bits a pixel + weight x 255² x loss, for
    each of these weights at once. Default: 0.0018 0.0035 0.0067 0.013 0.025 0.0483."""
    precision: Precision = "float32"
    """What the network computes in. bfloat16 has 8 bits of precision and is faster on GPUs, and on
    CPUs that have instructions for it; weights, statistics and the loss stay float32."""
    loss: LossName = "mse"
    """What is minimised; mse gives the best PSNR."""
    optimizer: OptimizerName = "adam"
    """muon steps kernels along orthogonal matrices, and all else as adam does."""
    learning_rate: float | None = None
    """The schedule's peak. Default: 0.002 for adam, adamw and muon, 0.001 for rmsprop, 0.0003 for
    lion, 0.5 for momentum and nesterov, 2 for sgd."""
    schedule: ScheduleName = "cosine"
    """How the learning rate falls; cosine warms up over the first twentieth."""
    clip: float | None = None
    """Gradients are scaled down to this global norm where they exceed it. Default: 1 for sgd,
    momentum and nesterov, else 0.02."""
    steps: int | None = None
    """Optimiser steps. Default: about four minutes' worth on two cores."""
    batch: int | None = None
    """Patches a step. Default: 64."""
    patch: int | None = None
    """Side of a training patch in pixels. Default: 48."""
    grid: Grid = "any"
    """Where patches lie on JPEG's 8x8 grid. any: anywhere; keep: their corners are blocks'
    corners, as a whole image's are; shift: their corners never are."""
    downscale: float = 1.0
    """Images are first scaled down by this factor, without aliasing; 2 halves their sides."""
    seed: int = 0
    """Decides weights, patches, dropout, and the split of sets that have none of their own."""
    save_seconds: float = 20.0
    """Time between checkpoints; a kill loses at most this much."""
    tiny: bool = False
    """12 steps of a narrow network on small patches: under 30 seconds, to see that all works."""
    devices: int | Literal["all"] | None = None
    """Devices to share each batch out to, which must divide it. Default: one."""
    distributed: bool = False
    """Train in several processes, on one machine or many, on all devices of each; process 0 prints
    and writes. The next three are found in the environment of a cluster that JAX knows."""
    coordinator_address: str | None = None
    """host:port on which process 0 listens."""
    num_processes: int | None = None
    """How many processes train together."""
    process_id: int | None = None
    """Which of them this is, from 0."""
    join_seconds: float = 60.0
    """How long to wait until all processes are there."""
    out: Path | None = None
    """Run folder; default: runs/ with time and task."""
    config: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """Take the options from a run's config.json; others given here win."""
    resume: Annotated[Path | None, tyro.conf.arg(metavar="RUN")] = None
    """Go on with a run that was stopped; takes no other options but where to
    compute: --devices, --distributed and what belongs to it."""


def main(config: Config) -> Path:
    """Train as `config` says and return the run's folder."""
    started = time.perf_counter()
    with _joined(config):
        config = _shared_options(config)
        placement = multihost.together(lambda: _placement(config))
        pairs = multihost.together(lambda: load_training_pairs(asdict(config)))
        multihost.require_same(digest(pairs), "the images")
        try:
            with ExitStack() as stack:
                multihost.together(lambda: _open_folder(config, stack))
                options = asdict(config), model_config(config)
                train_run(config.out, *options, pairs, placement, started)
        except KeyboardInterrupt:
            raise Interrupted(f"stopped; go on with: {_resume_command(config.out)}") from None
    return config.out


def _joined(config):
    """Join the other processes, if there are to be any."""
    names = [name for name in _MACHINES if name not in ("devices", "distributed")]
    if config.distributed:
        require(
            config.devices is None,
            f"--devices {config.devices}: --distributed takes all devices of all processes",
        )
        return multihost.joined(*(getattr(config, name) for name in names))
    for name in names:
        option = f"--{name.replace('_', '-')} {getattr(config, name)}"
        require(
            getattr(config, name) == getattr(Config(), name),
            f"{option}: goes with --distributed",
        )
    return nullcontext()


def _shared_options(config):
    """Fill in the options, in process 0 for all: a time of day and a run's folder are its own."""
    if not config.distributed:
        return _complete(config)
    first = multihost.is_first()
    values = multihost.together(lambda: asdict(_complete(config)) if first else None)
    shared = multihost.gathered(json.dumps(values, default=str))[0]
    return from_json(Config, "process 0", json.loads(shared))


def _complete(config):
    return _resumed(config) if config.resume else _filled_in(config)


def _placement(config):
    return place("all" if config.distributed else config.devices, config.batch)


def _open_folder(config, stack):
    """Make and lock the run's folder, in process 0, until the stack is closed."""
    if not multihost.is_first():
        return
    if not config.resume:
        # Not before the images are known to be good: a refusal leaves nothing behind.
        folders.create(config.out)
    stack.enter_context(locks.locked(config.out))
    if not config.resume:
        # Looked at again under the lock: another process may have been as quick.
        folders.create(config.out)
        storage.write_json(config.out / "config.json", _to_json(config))


def merge_file(config):
    """Give the options that the file named by ``--config`` holds, as new defaults."""
    if config.config is None:
        return config
    recorded = storage.read_json(config.config)
    require(isinstance(recorded, dict), f"{config.config}: is not the config of a run")
    return from_json(Config, config.config, recorded)


def model_config(config):
    """Make the model's own config of the command's options."""
    given = {name: getattr(config, name) for name in _MODEL_SETTINGS}
    return configs.configure(config.model, **given)


def _filled_in(config):
    """Fill in what is left open, and check it."""
    _check(config)
    model = config.model or TASKS[config.task].model
    small = config.tiny
    narrow = 8 if small and model != "shallow" else None
    config = replace(
        config,
        model=model,
        latents=config.latents or TASKS[config.task].latents,
        width=config.width or narrow,
        steps=config.steps or (12 if small else _STEPS[model]),
        batch=config.batch or (4 if small else 64),
        patch=config.patch or 48,
        learning_rate=config.learning_rate or LEARNING_RATES[config.optimizer],
        clip=config.clip or CLIPS[config.optimizer],
        out=config.out or folders.new_folder(config.task),
        config=None,
    )
    check(TASKS[config.task], model_config(config))
    return config


def _check(config):
    for name in ("steps", "batch", "patch", "width"):
        value = getattr(config, name)
        require(value is None or value >= 1, f"--{name} {value}: must be at least 1")
    require(
        config.grid != "keep" or (config.patch or 48) % 8 == 0,
        f"--patch {config.patch}: must be a multiple of 8 for --grid keep",
    )
    if config.precision == "bfloat16" and jax.default_backend() == "cpu":
        slow = compiler_flags.why_bfloat16_is_slow()
        require(slow is None, f"--precision bfloat16: {slow}")
    require(1 <= config.quality <= 100, f"--quality {config.quality}: must be in 1..100")
    require(0 <= config.seed < 2**32, f"--seed {config.seed}: must be in 0..{2**32 - 1}")
    require(1 <= config.downscale <= 64, f"--downscale {config.downscale}: must be in 1..64")
    for name in ("clip", "learning_rate", "save_seconds"):
        value = getattr(config, name)
        option = name.replace("_", "-")
        require(
            value is None or (value > 0 and math.isfinite(value)),
            f"--{option} {value}: must be above 0",
        )


def _to_json(config):
    """Write a config as plain values; where its own run lies and computes is not part of it."""
    values = asdict(config) | dict.fromkeys(_WHERE)
    if config.data is not None:
        # The folder, not a set's name: a run goes on without FNNET_DATA, and from anywhere.
        values["data"] = str(locate(config.data).resolve())
    return values


def _resumed(config):
    """Take all options from the run to go on with."""
    folder = config.resume
    machines = {name: getattr(config, name) for name in _MACHINES}
    given = replace(config, resume=None, **{name: getattr(Config(), name) for name in _MACHINES})
    changed = [f.name for f in fields(Config) if getattr(given, f.name) != f.default]
    require(
        not changed,
        f"--resume {folder}: takes all options from the run and none beside it, "
        f"not --{''.join(changed[:1]).replace('_', '-')}",
    )
    recorded = records.read_run_config(folder)
    config = from_json(Config, folder / "config.json", recorded)
    return replace(config, out=folder, resume=folder, **machines)


def _resume_command(folder):
    return f"python -m experiments.train --resume {shlex.quote(str(folder))}"


if __name__ == "__main__":
    run_command(main, Config, prog="python -m experiments.train", merge=merge_file)
