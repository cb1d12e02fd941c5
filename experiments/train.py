"""Train one network on images and show what it learned."""

import json
import shlex
import time
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

import tyro
from tyro.conf import OmitArgPrefixes

from experiments.cli.commands import Interrupted, from_json, option_values, run_command
from experiments.images import locate
from experiments.networks.tasks import TASKS, TaskName, check
from experiments.runs.config import NAME, RunConfig, read_options
from experiments.system import folders, locks, storage
from experiments.training import multihost, options
from experiments.training.devices import place
from experiments.training.running import digest, load_training_pairs, train_run
from fnnet.core import require


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
    network: OmitArgPrefixes[options.NetworkOptions] = field(default_factory=options.NetworkOptions)
    recipe: OmitArgPrefixes[options.RecipeOptions] = field(default_factory=options.RecipeOptions)
    downscale: float = 1.0
    """Images are first scaled down by this factor, without aliasing; 2 halves height and width."""
    seed: int = 0
    """Decides weights, patches, dropout, and the split of sets that have none of their own."""
    save_seconds: float = 20.0
    """Time between checkpoints; a kill loses at most this much."""
    tiny: bool = False
    """12 steps of a narrow network on small patches: under 30 seconds, to see that all works."""
    machine: OmitArgPrefixes[options.MachineOptions] = field(default_factory=options.MachineOptions)
    out: Path | None = None
    """Run folder; default: runs/ with time and task."""
    config: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """Take the options from a run's config.json; others given here win."""
    resume: Annotated[Path | None, tyro.conf.arg(metavar="RUN")] = None
    """Go on with a run that was stopped; takes no other options but where to
    compute: --devices, --distributed and what belongs to it."""

    def run_config(self):
        """Return the `RunConfig` of a completed config."""
        return RunConfig(
            task=self.task,
            data=self.data,
            quality=self.quality,
            downscale=self.downscale,
            seed=self.seed,
            recipe=self.recipe.recipe(),
            save_seconds=self.save_seconds,
            tiny=self.tiny,
        )


def main(config: Config) -> Path:
    """Train as `config` says and return the run's folder."""
    started = time.perf_counter()
    with _joined(config.machine):
        config = _shared_options(config)
        run_config = config.run_config()
        devices = "all" if config.machine.distributed else config.machine.devices
        placement = multihost.together(lambda: place(devices, config.recipe.batch))
        pairs = multihost.together(lambda: load_training_pairs(run_config))
        multihost.require_same(digest(pairs), "the images")
        try:
            with ExitStack() as stack:
                multihost.together(lambda: _open_folder(config, stack))
                network = config.network.config()
                train_run(config.out, run_config, network, pairs, placement, started)
        except KeyboardInterrupt:
            command = f"python -m experiments.train --resume {shlex.quote(str(config.out))}"
            raise Interrupted(f"stopped; go on with: {command}") from None
    return config.out


def _joined(machine):
    machine.check()
    if not machine.distributed:
        return nullcontext()
    return multihost.joined(
        machine.coordinator_address, machine.num_processes, machine.process_id, machine.join_seconds
    )


def _shared_options(config):
    """Complete the options in process 0 for all processes: the folder's name has the time."""
    if not config.machine.distributed:
        return _complete(config)
    first = multihost.is_first()
    values = multihost.together(lambda: option_values(_complete(config)) if first else None)
    shared = multihost.gathered(json.dumps(values, default=str))[0]
    return from_json(Config, "process 0", json.loads(shared))


def _complete(config):
    return _resumed(config) if config.resume else _filled_in(config)


def _open_folder(config, stack):
    """Create and lock the run's folder, in process 0, until the stack is closed."""
    if not multihost.is_first():
        return
    if not config.resume:
        # Not before the images are known to be good: a rejected command leaves nothing behind.
        folders.create(config.out)
    stack.enter_context(locks.locked(config.out))
    if not config.resume:
        # Checked again under the lock: another process may have been as quick.
        folders.create(config.out)
        storage.write_json(config.out / NAME, _to_json(config))


def merge_file(config):
    """Return the options that the file named by ``--config`` holds, as new defaults."""
    if config.config is None:
        return config
    recorded = storage.read_json(config.config)
    require(isinstance(recorded, dict), f"{config.config}: is not the config of a run")
    return from_json(Config, config.config, recorded)


def _filled_in(config):
    _check(config)
    task = TASKS[config.task]
    network = config.network.completed(task, tiny=config.tiny)
    check(task, network.config())
    return replace(
        config,
        network=network,
        recipe=config.recipe.completed(network.model, tiny=config.tiny),
        out=config.out or folders.new_folder(config.task),
        config=None,
    )


def _check(config):
    config.recipe.check()
    config.network.check()
    require(1 <= config.quality <= 100, f"--quality {config.quality}: must be in 1..100")
    require(0 <= config.seed < 2**32, f"--seed {config.seed}: must be in 0..{2**32 - 1}")
    require(1 <= config.downscale <= 64, f"--downscale {config.downscale}: must be in 1..64")
    options.require_positive("save-seconds", config.save_seconds)


def _to_json(config):
    """Return a config as plain values, without its run folder and its machine options."""
    elsewhere = dict.fromkeys(("out", "config", "resume", *option_values(config.machine)))
    values = option_values(config) | elsewhere
    if config.data is not None:
        # The folder, not a set's name: a run goes on without FNNET_DATA, and from anywhere.
        values["data"] = str(locate(config.data).resolve())
    return values


def _resumed(config):
    folder = config.resume
    given = option_values(replace(config, resume=None, machine=options.MachineOptions()))
    changed = [name for name, value in option_values(Config()).items() if given[name] != value]
    require(
        not changed,
        f"--resume {folder}: takes all options from the run and none beside it, "
        f"not --{''.join(changed[:1]).replace('_', '-')}",
    )
    recorded = from_json(Config, folder / NAME, read_options(folder))
    return replace(recorded, out=folder, resume=folder, machine=config.machine)


if __name__ == "__main__":
    run_command(main, Config, prog="python -m experiments.train", merge=merge_file)
