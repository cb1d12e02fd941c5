"""The ladder: from a fully connected autoencoder to a learned codec, a step at a time."""

from dataclasses import asdict, dataclass, replace
from typing import Any

from experiments.evaluation import scores
from experiments.networks import configs
from experiments.sweeps import records
from experiments.sweeps.material import EMBEDDED, images_digest
from experiments.sweeps.plan import BUDGETS, BudgetName, base_options
from experiments.sweeps.trials import Trial
from experiments.system.environment import environment

# Steps of a rung, which are more than an ablation's: half a minute to eight of two cores each.
_STEPS = {"tiny": 12, "small": 800, "full": 4000}


@dataclass(frozen=True)
class Rung:
    """A network of the ladder: its model with settings."""

    name: str
    model: str
    settings: dict[str, Any]


# All have one latent for four pixels and are trained alike, so that what differs is the network.
RUNGS = (
    Rung("fully connected", "mlp", {"block": 16, "width": 512, "bottleneck": 64}),
    Rung("one convolution", "shallow", {"stride": 4, "bottleneck": 4}),
    Rung("pooling", "conv", {"pooling": "max", "activation": "relu", "bottleneck": 16}),
    Rung(
        "batch norm, dropout",
        "conv",
        {
            **{"pooling": "max", "activation": "relu", "bottleneck": 16},
            **{"norm": "batch", "dropout": 0.05},
        },
    ),
    Rung(
        "deeper, wider", "conv", {"depth": 4, "width": 48, "activation": "relu", "bottleneck": 64}
    ),
    Rung("residual, pixel shuffle", "pyramid", {"bottleneck": 64}),
)
PENALISED = "rate penalised"
NAMES = (*(rung.name for rung in RUNGS), PENALISED)


def rung_trial(rung, budget: BudgetName, material):
    """Make the trial of a rung."""
    settings = {"latents": "bounded"} | rung.settings
    if budget == "tiny" and rung.model != "shallow":
        settings["width"] = 8
    return Trial(
        kind="rung",
        axis=rung.name,
        value=rung.model,
        baseline=False,
        seed=0,
        task="autoencode",
        budget=budget,
        model=configs.to_json(configs.configure(rung.model, **settings)),
        options=base_options(replace(BUDGETS[budget], steps=_STEPS[budget])),
        data={
            "train": material.train_name,
            "test": material.test_name,
            "pictures": len(material.train),
        },
    )


def released_trial(run, test):
    """Describe a run that was trained for its rate, as a record's trial.

    Parameters
    ----------
    run : Run
    test : str
        The name of the set that it is measured on.
    """
    names = ("loss", "optimizer", "learning_rate", "clip", "schedule", "steps", "batch", "patch")
    trial = Trial(
        kind="rung",
        axis=PENALISED,
        value=run.record.model["name"],
        baseline=False,
        seed=run.config.seed,
        task=run.task.name,
        budget="full",
        model=run.record.model,
        options={option: getattr(run.config.recipe, option) for option in names},
        data={
            "train": f"training side of {run.config.data or EMBEDDED}",
            "test": test,
            "pictures": len(_trained_on(run)),
        },
    )
    return asdict(trial)


def released_record(run, trial, pairs, seen):
    """Make the record of such a trial, measured on `pairs`; `seen` is `measure_codec`'s."""
    cost = scores.cost(run.model)
    return {
        "format": records.FORMAT,
        "kind": "rung",
        "identity": records.identity(trial),
        "status": "finished",
        "trial": trial,
        "environment": environment(),
        "pictures": images_digest(_trained_on(run), [pair.image.sha256 for pair in pairs]),
        "parameters": cost.parameters,
        "multiply_adds_per_pixel": cost.multiply_adds_per_pixel,
        "latents_per_pixel": 3 * cost.latents_per_value,
        "steps": run.step,
        "encode_seconds_per_megapixel": seen["encode"],
        "decode_seconds_per_megapixel": seen["decode"],
        "held_out": seen["held_out"],
        "trained_on": seen["trained_on"],
        **run.record.history,
    }


def _trained_on(run):
    return [p["sha256"] for p in run.record.pictures if p["side"] == "train"]
