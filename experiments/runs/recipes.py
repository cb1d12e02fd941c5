"""Training recipes, and the optimisers and schedules built from them."""

from dataclasses import dataclass
from typing import Literal

from experiments.images import Grid
from experiments.networks.losses import LossName
from fnnet import optim, schedules
from fnnet.optim.transforms import partition_by

OptimizerName = Literal["adam", "adamw", "rmsprop", "lion", "muon", "momentum", "nesterov", "sgd"]
ScheduleName = Literal["cosine", "linear", "exponential", "constant"]
LEARNING_RATES = {
    **dict.fromkeys(("adam", "adamw", "muon"), 2e-3),
    **{"rmsprop": 1e-3, "lion": 3e-4, "momentum": 0.5, "nesterov": 0.5, "sgd": 2.0},
}
# Adam's steps and those of its kin do not depend on the gradient's scale, only on how it changes:
# there a low limit, which holds all steps to one length where gradients are large, costs little.
CLIPS = {
    **dict.fromkeys(("adam", "adamw", "rmsprop", "lion", "muon"), 0.02),
    **dict.fromkeys(("momentum", "nesterov", "sgd"), 1.0),
}
# Arrays of several axes that are not matrices between channels: Muon would mix rates, and entries
# that must stay small with large ones.
_NO_MATRICES = ("gain", "inverse_gain", "prior", "gamma_root")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Training hyperparameters: loss, optimiser, schedule and batches.

    `learning_rate` is the schedule's peak, `clip` the global norm to which larger gradients are
    scaled down; `batch` counts patches per step, `patch` is their height and width in pixels, and
    `grid` their position on JPEG's 8x8 grid.
    """

    loss: LossName = "mse"
    optimizer: OptimizerName = "adam"
    learning_rate: float = LEARNING_RATES["adam"]
    clip: float = CLIPS["adam"]
    schedule: ScheduleName = "cosine"
    steps: int
    batch: int
    patch: int
    grid: Grid = "any"


def make_optimizer(recipe: Recipe):
    """Build the optimiser of a recipe, with its schedule and gradient clipping."""
    rule = {
        "adam": optim.adam,
        "adamw": optim.adamw,
        "rmsprop": optim.rmsprop,
        "lion": optim.lion,
        "muon": _muon,
        "momentum": optim.momentum,
        "nesterov": optim.nesterov,
        "sgd": optim.sgd,
    }[recipe.optimizer]
    return optim.chain(optim.clip_by_global_norm(recipe.clip), rule(make_schedule(recipe)))


def _muon(rate):
    def label(path, leaf):
        return "others" if {*path.split("/")} & {*_NO_MATRICES} else "kernels"

    # Not `optim.partition`, which wants every part to have a leaf: most models have no others.
    return partition_by({"kernels": optim.muon(rate), "others": optim.adam(rate)}, label)


def make_schedule(recipe: Recipe):
    """Build the learning rate's schedule."""
    rate, steps = recipe.learning_rate, recipe.steps
    return {
        "constant": lambda: schedules.constant(rate),
        "linear": lambda: schedules.linear(rate, 0.01 * rate, steps=steps),
        "exponential": lambda: schedules.exponential(rate, 0.01 * rate, steps=steps),
        "cosine": lambda: schedules.cosine(rate, steps=steps, warmup=steps // 20, end=0.01 * rate),
    }[recipe.schedule]()
