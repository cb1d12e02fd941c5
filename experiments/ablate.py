"""Vary one thing at a time in a small codec, and record what each value does."""

import shlex
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

from experiments.commands import Interrupted, run_command
from experiments.runfolder import RunError
from experiments.sweeps import cluster
from experiments.sweeps.material import load_material
from experiments.sweeps.plan import QUALITY, BudgetName, plan
from experiments.sweeps.sweep import one_by_one, recorded, sweep
from experiments.sweeps.table import axis_table, line
from experiments.tables import console, counted
from fnnet.core import require


@dataclass(frozen=True, kw_only=True)
class Config:
    """Vary one thing at a time in a small codec, and record what each value does.

    Each value of an axis is trained with several seeds, each seed from the same weights on the
    same batches, and measured on whole held-out pictures through real files, beside JPEG of at
    most as many bytes. A record is added to a file when a run ends; runs that the file has are not
    done again. At the end there is a table for each axis. One axis takes about 10 minutes of two
    cores by default, half a minute with --budget tiny.
    """

    axis: tuple[str, ...] = ()
    """What to vary: depth, width, activation, dropout, norm, bottleneck, pooling, optimizer,
    learning_rate, schedule, loss, pictures, latents, task. Default: all, one after another."""
    budget: BudgetName = "small"
    """tiny: 12 steps of two values, to see that all works. small: 400 steps. full: 2,000."""
    data: str | None = None
    """A set to train on, all of it: a folder, or a name under FNNET_DATA. Default: three
    photographs that come with scikit-image."""
    test: str | None = None
    """A set to test on, all of it, that has no photograph of the other. Default: two photographs
    that come with scikit-image."""
    seeds: int | None = None
    """Runs of each value, from seed 0. Default: 3, with --budget tiny 2."""
    records: Path = Path("runs/ablations.jsonl")
    """The file of records; a record is one line of JSON."""
    executor: Literal["local", "ray"] = "local"
    """local: one run after another. ray: on a cluster of Ray's, or on all cores of this machine."""
    address: str | None = None
    """The Ray cluster's, such as ray://host:10001 or auto. Default: one on this machine."""


def main(config: Config):
    """Run what `config` asks for and is not done yet; return the records, in order."""
    _check(config)
    material = load_material(config.data, config.test, QUALITY)
    trials = plan(config.axis, config.budget, config.seeds, material)
    done = recorded(config.records, material)
    left = [trial for trial in trials if trial.identity not in done]
    terminal = console()
    if left:
        _make_ready(config.records)
    there = f"; {counted(len(trials) - len(left), 'other')} in {config.records}"
    terminal.print(
        f"{counted(len(left), 'run')} to do{there if len(left) < len(trials) else ''}",
        soft_wrap=True,
    )
    ended = 0
    try:
        for ended, (_, record) in enumerate(
            sweep(trials, config.records, done, material, _executor(config)), 1
        ):
            terminal.print(f"{ended}/{len(left)} {line(record)}", soft_wrap=True)
    except KeyboardInterrupt:
        raise Interrupted(
            f"stopped; {counted(len(left) - ended, 'run')} to do; go on with: {_command(config)}"
        ) from None
    found = [done[trial.identity] for trial in trials]
    for axis in dict.fromkeys(trial.axis for trial in trials):
        terminal.print(axis_table(axis, [r for r in found if r["trial"]["axis"] == axis]))
    terminal.print(f"records in {config.records}", soft_wrap=True)
    return found


def _check(config):
    require(
        config.seeds is None or config.seeds >= 1, f"--seeds {config.seeds}: must be at least 1"
    )
    require(
        config.address is None or config.executor == "ray",
        f"--address {config.address}: goes with --executor ray",
    )
    if config.executor == "ray":
        cluster.require_ray()


def _executor(config):
    if config.executor == "local":
        return one_by_one
    return lambda trials, material: cluster.on_ray(trials, material, address=config.address)


def _make_ready(path):
    """Find out before the work whether its records can be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    except OSError as error:
        raise RunError(f"{path}: could not be written: {error.strerror}") from error


def _command(config):
    """Write the command line that goes on where this one stopped."""
    words = ["python", "-m", "experiments.ablate"]
    for option in fields(config):
        value = getattr(config, option.name)
        if value != option.default:
            values = value if isinstance(value, tuple) else (value,)
            words += [f"--{option.name}", *map(str, values)]
    return shlex.join(words)


if __name__ == "__main__":
    run_command(main, Config, prog="python -m experiments.ablate")
