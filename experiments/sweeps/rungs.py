"""The ladder: from a fully connected autoencoder to a learned codec, a step at a time."""

from dataclasses import asdict, dataclass, replace
from typing import Any

import msgspec

from experiments.evaluation.leakage import recorded_images
from experiments.networks import configs
from experiments.sweeps.material import EMBEDDED, images_digest
from experiments.sweeps.plan import BUDGETS, base_options
from experiments.sweeps.running import build_record
from experiments.sweeps.trials import BudgetName, Options, Sets, Trial
from experiments.training.stability import History

# Steps of a rung, which are more than an ablation's: half a minute to eight of two cores each.
_STEPS = {"tiny": 12, "small": 800, "full": 4000}


@dataclass(frozen=True)
class Rung:
    """A network of the ladder: its model with settings."""

    name: str
    model: str
    settings: dict[str, Any]


_POOLED = {"pooling": "max", "activation": "relu", "bottleneck": 16}
# All have one latent for four pixels and are trained alike, so that what differs is the network.
RUNGS = (
    Rung("fully connected", "mlp", {"block": 16, "width": 512, "bottleneck": 64}),
    Rung("one convolution", "shallow", {"stride": 4, "bottleneck": 4}),
    Rung("pooling", "conv", _POOLED),
    Rung("batch norm, dropout", "conv", _POOLED | {"norm": "batch", "dropout": 0.05}),
    Rung(
        "deeper, wider", "conv", {"depth": 4, "width": 48, "activation": "relu", "bottleneck": 64}
    ),
    Rung("residual, pixel shuffle", "pyramid", {"bottleneck": 64}),
)
PENALISED = "rate penalised"
NAMES = (*(rung.name for rung in RUNGS), PENALISED)


def rung_trial(rung, budget: BudgetName, material):
    """Build the trial of a rung."""
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
        model=configs.configure(rung.model, **settings),
        options=base_options(replace(BUDGETS[budget], steps=_STEPS[budget])),
        data=Sets(train=material.train_name, test=material.test_name, pictures=len(material.train)),
    )


def released_trial(run, test):
    """Build the trial of a released run, measured on the set named `test`."""
    return Trial(
        kind="rung",
        axis=PENALISED,
        value=configs.name_of(run.network),
        baseline=False,
        seed=run.config.seed,
        task=run.task.name,
        budget="full",
        model=run.network,
        options=Options(**asdict(run.config.recipe) | {"grid": Options.grid}),
        data=Sets(
            train=f"training side of {run.config.data or EMBEDDED}",
            test=test,
            pictures=len(_trained_on(run)),
        ),
    )


def released_record(run, trial, pairs, measured):
    """Build the record of such a trial, measured on `pairs` by `measure_codec`."""
    images = images_digest(_trained_on(run), [pair.image.sha256 for pair in pairs])
    history = msgspec.convert(run.record.history, History)
    return build_record(trial, "finished", images, run.model, run.step, history, measured)


def _trained_on(run):
    return [image.sha256 for image in recorded_images(run) if image.side == "train"]
