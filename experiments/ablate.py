"""Vary one thing at a time in a small codec, and record what each value does."""

import shlex
import time
from contextlib import nullcontext
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

from experiments.cli import console
from experiments.cli.commands import Interrupted, note, run_command
from experiments.sweeps import cluster, interrupts
from experiments.sweeps.material import load_material
from experiments.sweeps.plan import QUALITY, plan
from experiments.sweeps.sweep import one_by_one, recorded, sweep
from experiments.sweeps.table import axis_table, line
from experiments.sweeps.trials import BudgetName
from experiments.system.environment import environment
from experiments.system.errors import as_run_error
from fnnet.core import require


@dataclass(frozen=True, kw_only=True)
class Config:
    """Vary one thing at a time in a small codec, and record what each value does.

    Each value of an axis is trained with several seeds, each seed from the same weights on the
    same batches, and measured on whole held-out images through real files, beside JPEG of at
    most as many bytes. A record is added to a file when a run ends; runs that the file has are not
    done again. At the end, a table is printed for each axis. An axis takes about 10 minutes on two
    cores by default, half a minute with --budget tiny.
    """

    axis: tuple[str, ...] = ()
    """Axes to vary: depth, width, activation, dropout, norm, bottleneck, pooling, optimizer,
    learning_rate, schedule, loss, pictures, latents, task. Default: all, one after another."""
    budget: BudgetName = "small"
    """tiny: 12 steps of two values, to try the command. small: 800 steps. full: 2,000 steps of a
    wider network."""
    data: str | None = None
    """A set to train on, all of it: a folder, or a name under FNNET_DATA. Default: photographs
    that come with scikit-image, three to train on and two to test on."""
    test: str | None = None
    """A set to test on, all of it, that shares no photograph with the other. Default: the scenes
    of --data that its split by scene holds out, and only the others are trained on."""
    seeds: int | None = None
    """Runs of each value, from seed 0. Default: 3, with --budget tiny 2."""
    records: Path = Path("runs/ablations.jsonl")
    """The file of records; a record is one line of JSON."""
    executor: Literal["local", "ray"] = "local"
    """local: one run after another. ray: on a Ray cluster, or on all cores of this machine."""
    address: str | None = None
    """Address of a Ray cluster, such as ray://host:10001 or auto. Default: one on this machine."""


def main(config: Config):
    """Run those trials of `config` that are not recorded yet; return all records, in order."""
    _check(config)
    material = load_material(config.data, config.test, QUALITY)
    trials = plan(config.axis, config.budget, config.seeds, material)
    done = recorded(config.records, material)
    is_local = config.executor == "local"
    with nullcontext(one_by_one) if is_local else cluster.on_ray(config.address) as execute:
        _note_changes([done[trial.identity] for trial in trials if trial.identity in done])
        _run_missing(config, trials, done, material, execute)
    records = [done[trial.identity] for trial in trials]
    for axis in dict.fromkeys(trial.axis for trial in trials):
        console.terminal().print(axis_table(axis, [r for r in records if r.trial.axis == axis]))
    console.print_line(f"records in {config.records}")
    return records


def _run_missing(config, trials, done, material, execute):
    left = sum(trial.identity not in done for trial in trials)
    others = len(trials) - left
    there = f"; {console.counted(others, 'other')} in {config.records}" if others else ""
    terminal = console.terminal()
    terminal.print(f"{console.counted(left, 'run')} to do{there}", soft_wrap=True)
    if left:  # raises before any work is done
        with as_run_error(config.records, "written"):
            config.records.parent.mkdir(parents=True, exist_ok=True)
            config.records.touch()
    ended, began = 0, time.perf_counter()
    try:
        with interrupts.insistent():
            for _, record in sweep(trials, config.records, done, material, execute):
                ended += 1
                remaining = (time.perf_counter() - began) / ended * (left - ended)
                time_left = f"; about {remaining / 60:.0f} min left" if remaining >= 60 else ""
                terminal.print(f"{ended}/{left} {line(record)}{time_left}", soft_wrap=True)
    except KeyboardInterrupt:
        to_do, command = console.counted(left - ended, "run"), _resume_command(config)
        raise Interrupted(f"stopped; {to_do} to do; go on with: {command}") from None


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


def _note_changes(records):
    """Print a note for each version or machine that differs between records and now."""
    for name, value in environment().items():
        others = {record.environment.get(name) for record in records} - {value}
        for other in sorted(map(str, others)):
            note(f"{name} was {other} for some of these records and is {value} now")


def _resume_command(config):
    words = ["python", "-m", "experiments.ablate"]
    for option, value in zip(fields(config), vars(config).values(), strict=True):
        if value != option.default:
            values = value if isinstance(value, tuple) else (value,)
            words += [f"--{option.name}", *map(str, values)]
    return shlex.join(words)


if __name__ == "__main__":
    run_command(main, Config, prog="python -m experiments.ablate")
