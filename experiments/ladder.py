"""Train the ladder of networks, and measure each rung through real files."""

from dataclasses import dataclass
from pathlib import Path

from experiments.cli import console
from experiments.cli.commands import Interrupted, run_command
from experiments.evaluation import leakage
from experiments.runs.run import open_run
from experiments.sweeps import interrupts, records, rungs
from experiments.sweeps.crops import CropFolder
from experiments.sweeps.material import load_material
from experiments.sweeps.measures import measure_codec
from experiments.sweeps.plan import QUALITY
from experiments.sweeps.rungs import NAMES, PENALISED
from experiments.sweeps.running import record_trial, train_trial
from experiments.sweeps.sweep import recorded
from experiments.sweeps.table import line
from experiments.sweeps.trials import BudgetName
from fnnet.core import require


@dataclass(frozen=True, kw_only=True)
class Config:
    """Train the ladder of networks, and measure each rung through real files, beside JPEG.

    From a fully connected autoencoder over convolution, pooling, batch norm and dropout to residual
    blocks with pixel shuffle, all with one bounded latent for four pixels; and last a network that
    was trained for its rate too (--weights). A line is printed and a record added to a file for
    each rung and test set; rungs that the file has are not done again. Takes about half an hour on
    two cores by default, a minute with --budget tiny.
    """

    rung: tuple[str, ...] = ()
    """Names of the rungs to do, such as "pooling". Default: all."""
    budget: BudgetName = "full"
    """Training steps of a rung. tiny: 12; small: 800; full: 4,000."""
    data: str | None = None
    """A set to train on, all of it: a folder, or a name under FNNET_DATA. Default: photographs
    that come with scikit-image, three to train on and two to test on."""
    test: tuple[str, ...] = ()
    """Sets to test on, each whole, that share no photograph with the other. Default: the scenes
    of --data that its split by scene holds out, and only the others are trained on."""
    weights: Path | None = None
    """A run of train with --latents penalised that was made ready by release, or the name of
    released weights: the last rung."""
    records: Path = Path("runs/ladder.jsonl")
    """The file of records; a record is one line of JSON."""
    crops: Path | None = None
    """A folder for crops of photographs that come with scikit-image. report shows those of the
    folder "crops" beside the records."""


def main(config: Config):
    """Do those rungs of `config` that are not recorded yet; return all records."""
    for name in config.rung:
        require(name in NAMES, f"--rung {name}: must be one of {', '.join(map(repr, NAMES))}")
    require(
        config.weights is not None or PENALISED not in config.rung,
        f"--rung {PENALISED!r}: needs --weights",
    )
    require(
        config.weights is None or PENALISED in (config.rung or NAMES),
        f"--weights {config.weights}: goes with --rung {PENALISED!r}",
    )
    run = None if config.weights is None else _released_run(config.weights)
    materials = [load_material(config.data, test, QUALITY) for test in config.test or (None,)]
    for material in materials:
        recorded(config.records, material)  # raises for damaged records and those of other images
    config.records.parent.mkdir(parents=True, exist_ok=True)
    crops = None if config.crops is None else CropFolder(config.crops)
    try:
        with interrupts.insistent():
            for rung in rungs.RUNGS:
                if rung.name in (config.rung or NAMES):
                    _train_missing_rung(config, rung, materials, crops)
            if run is not None:
                _measure_penalised_rung(run, config, materials, crops)
    except KeyboardInterrupt:
        raise Interrupted("stopped; the same command goes on where it was") from None
    console.terminal().print(f"records in {config.records}", soft_wrap=True)
    return list(recorded(config.records, materials[0]).values())


def _train_missing_rung(config, rung, materials, crops):
    trials = [rungs.rung_trial(rung, config.budget, material) for material in materials]
    done = recorded(config.records, materials[0])
    missing = [pair for pair in zip(trials, materials, strict=True) if pair[0].identity not in done]
    has_crops = crops is None or rung.name in crops.rungs()
    if not missing and has_crops:
        return
    trained = train_trial(trials[0], materials[0])
    for trial, material in missing:
        _store(config, record_trial(trained, trial, material))
    if not has_crops and trained.learned.is_finite:
        crops.add(rung.name, trained.codec(), 0)


def _released_run(weights):
    """Load a run; raise unless its latents are penalised and `release` wrote it."""
    run = open_run(weights)
    require(
        run.network.latents == "penalised",
        f"--weights {weights}: was not trained with --latents penalised",
    )
    require(run.record.history is not None, f"--weights {weights}: was not made ready by release")
    return run


def _measure_penalised_rung(run, config, materials, crops):
    codec = run.codec()
    for material in materials:
        trial = rungs.released_trial(run, material.test_name)
        if trial.identity not in recorded(config.records, material):
            pairs = leakage.mark_trained(material.test, run, allow_overlap=False)
            measured = measure_codec(codec, run.task, pairs, [])
            _store(config, rungs.released_record(run, trial, pairs, measured))
    if crops is not None and PENALISED not in crops.rungs():
        crops.add(PENALISED, codec, codec.middle_rate)


def _store(config, record):
    records.append(config.records, record)
    console.terminal().print(line(record), soft_wrap=True)


if __name__ == "__main__":
    run_command(main, Config, prog="python -m experiments.ladder")
