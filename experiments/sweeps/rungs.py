"""The ladder: from a fully connected autoencoder to a learned codec, a step at a time."""

from dataclasses import asdict, dataclass, replace
from typing import Any

import msgspec

from experiments.evaluation.leakage import recorded_images
from experiments.networks import configs
from experiments.runs.run import Run
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


@dataclass(frozen=True, eq=False)
class Released:
    """A run that was made ready by release.

    `trained_on` are the hashes of its training images; `history` is None if the run was not made
    ready.
    """

    run: Run
    trained_on: tuple[str, ...]
    history: History | None

    def trial(self, test):
        """Build the trial of the run, measured on the set named `test`."""
        run = self.run
        data = f"training side of {run.config.data or EMBEDDED}"
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
            data=Sets(train=data, test=test, pictures=len(self.trained_on)),
        )

    def record(self, trial, pairs, measured):
        """Build the record of such a trial, measured on `pairs` by `measure_codec`."""
        images = images_digest(self.trained_on, [pair.image.sha256 for pair in pairs])
        run = self.run
        return build_record(trial, "finished", images, run.model, run.step, self.history, measured)


def read_released(run):
    """Read from a run's record what the ladder needs of it."""
    history = run.record.history
    trained_on = (image.sha256 for image in recorded_images(run) if image.side == "train")
    return Released(
        run,
        trained_on=tuple(trained_on),
        history=None if history is None else msgspec.convert(history, History),
    )
