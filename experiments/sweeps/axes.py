"""The axes of a sweep, and the change that each of their values makes to the baseline."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import get_args

from experiments.networks import architectures, configs
from experiments.networks.losses import LossName
from experiments.networks.tasks import TASKS
from experiments.runs import recipes

TASK = "autoencode"  # the baseline's, with its default model
_RATE = recipes.LEARNING_RATES["adam"]
_RATES = [_RATE * factor for factor in (1, 1 / 10, 1 / 3, 3, 10)]
_ACTIVATIONS = dict.fromkeys(("silu", *architectures.ACTIVATIONS))  # the baseline's first
_PENALISED = {"latents": "penalised", "distortion_weights": (0.013,)}


@dataclass(frozen=True)
class Change:
    """A change to the baseline's `Trial`; `images` None trains on all images of the set."""

    model: dict = field(default_factory=dict)
    options: dict = field(default_factory=dict)
    task: str = TASK
    images: int | None = None


def _settings(name, values):
    return {
        value if isinstance(value, str) else f"{value:g}": Change(model={name: value})
        for value in values
    }


def _options(name, values):
    return {value: Change(options={name: value}) for value in values}


def _depth(depth):
    # The coarser the grid, the more channels it has: the number of latents does not change.
    return Change(model={"depth": depth, "bottleneck": 4 ** (depth - 1)})


def _width(width):
    return {f"{value}": Change(model={"width": value}) for value in (width, width // 2, 2 * width)}


def _optimizer(name):
    # Each at its default learning rate and clip; none is tuned.
    rate, clip = recipes.LEARNING_RATES[name], recipes.CLIPS[name]
    return Change(options={"optimizer": name, "learning_rate": rate, "clip": clip})


def _fixed(values):
    return lambda width: values


# By the axis's name: ``width -> {value, as people write it: Change}``, where `width` is the
# baseline's; the baseline comes first.
AXES: dict[str, Callable[[int], dict[str, Change]]] = {
    "depth": _fixed({f"{depth}": _depth(depth) for depth in (3, 1, 2, 4)}),
    "width": _width,
    "activation": _fixed(_settings("activation", _ACTIVATIONS)),
    "dropout": _fixed(_settings("dropout", (0.0, 0.05, 0.2, 0.5))),
    "norm": _fixed(_settings("norm", get_args(configs.Norm))),
    "bottleneck": _fixed(_settings("bottleneck", (16, 4, 8, 32, 64))),
    "pooling": _fixed(_settings("pooling", get_args(configs.Pooling))),
    "optimizer": _fixed({name: _optimizer(name) for name in get_args(recipes.OptimizerName)}),
    "learning_rate": _fixed({f"{r:.2g}": Change(options={"learning_rate": r}) for r in _RATES}),
    "schedule": _fixed(_options("schedule", get_args(recipes.ScheduleName))),
    "loss": _fixed(_options("loss", get_args(LossName))),
    "pictures": _fixed({"all": Change()} | {f"{n}": Change(images=n) for n in (2, 8, 32)}),
    "latents": _fixed({"bounded": Change(), "penalised": Change(model=_PENALISED)}),
    "task": _fixed({name: Change(task=name) for name in TASKS}),
}
