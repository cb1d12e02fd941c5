"""Write a run's weights for release: parameters of half the bytes, and no local paths."""

import hashlib
import itertools
import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated

import msgspec
import tyro

from experiments.cli import console
from experiments.cli.commands import run_command
from experiments.networks import architectures, configs
from experiments.runs.config import read_options
from experiments.runs.record import to_json
from experiments.runs.run import open_run
from experiments.runs.saving import WEIGHTS, restore_weights, save_weights
from experiments.system import errors, folders, storage
from experiments.training.stability import CurveRow, History, stability, steps_to


@dataclass(frozen=True, kw_only=True)
class Config:
    """Write a run's weights in the form in which they are released, in a few seconds.

    A folder appears with the weights (parameters of 16 bits, computed with in float32), the run's
    options and its record; commands accept it in place of a run. The file's SHA-256 is printed: the
    name and this digest go into experiments/weights/__init__.py.
    """

    run: tyro.conf.Positional[Path]
    """The run's folder."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """Folder of the release, new or empty."""


def main(config: Config) -> Path:
    """Write the release of a run, and return its folder."""
    run = open_run(config.run)
    if run.record.history is not None:
        raise errors.RunError(f"{config.run}: is released already")
    # Not every processor is fast at what the run was trained in.
    network = replace(run.network, precision="float32")
    model, model_record = architectures.build(network), configs.to_json(network)
    if run.is_codec:
        run.codec()  # raises if training has not ended
    with folders.result_folder(config.out) as write:
        path = config.out / WEIGHTS
        save_weights(path, run.params, run.state, run.step, model_record)
        restore_weights(path, model, model_record)
        data = run.config.data and Path(run.config.data).name
        options = read_options(config.run) | {"data": data}
        write("config.json", storage.as_json(options))
        history = _history(config.run, run.record.sessions)
        record = replace(run.record, model=model_record, history=asdict(history))
        write("record.json", storage.as_json(to_json(record)))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    console.print_line(f"{path}: {path.stat().st_size:,} bytes\n{digest}")
    return config.out


def _history(folder, sessions):
    """Summarise the run's metrics, which are not released, in the form of a sweep's records."""
    rows = storage.read_metrics(folder / "metrics.jsonl")
    curve = tuple(msgspec.convert(row, CurveRow) for row in rows if "held_out_psnr" in row)
    losses, norms = ([row[name] or math.nan for row in rows] for name in ("loss", "gradient_norm"))
    skipped = sum(not row["finite"] for row in rows)
    return History(
        seconds=_seconds(rows, sessions),
        curve=curve,
        steps_to=steps_to(curve),
        stability=stability(losses, norms, skipped),
    )


def _seconds(rows, sessions):
    """Add up a run's sessions, each of which counts from 0; None if their machines differ."""
    if len({session.environment["device"] for session in sessions}) > 1:
        return None
    times = [row["seconds"] for row in rows]
    ends = [time for time, after in itertools.pairwise(times) if after < time]
    return round(sum(ends) + times[-1], 4)


if __name__ == "__main__":
    run_command(main, Config, prog="python -m experiments.release")
