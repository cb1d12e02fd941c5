"""The plan of a sweep: budgets, and the trials of each axis."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from experiments.images import check_patch
from experiments.networks import configs
from experiments.networks.tasks import TASKS
from experiments.sweeps.axes import AXES, TASK
from experiments.sweeps.trials import BudgetName, Options, Sets, Trial
from experiments.system.errors import RunError

QUALITY = 10  # of the JPEG versions that emulate and restore are about


@dataclass(frozen=True)
class Budget:
    """Size of the runs: `width` None is the model's default, `values` None all of an axis."""

    seeds: int
    steps: int
    batch: int
    patch: int
    width: int | None
    values: int | None = None


BUDGETS = {
    "tiny": Budget(seeds=2, steps=12, batch=4, patch=32, width=8, values=2),
    # A run of the baseline trains for about 20 seconds on two cores.
    "small": Budget(seeds=3, steps=800, batch=16, patch=64, width=24),
    "full": Budget(seeds=3, steps=2000, batch=16, patch=64, width=None),
}


def plan(axes: Sequence[str], budget: BudgetName, seeds, material):
    """List the trials axis by axis, so that an interrupted sweep has complete axes.

    Empty `axes` stand for all; `seeds` is the number of runs of each value, None for the budget's.
    Raises a RunError if there is no such axis, and an ImageError if a training image is smaller
    than the patch.
    """
    for axis in axes:
        if axis not in AXES:
            near = difflib.get_close_matches(axis, AXES, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise RunError(f"--axis {axis}: must be one of {', '.join(AXES)}{hint}")
    settings = BUDGETS[budget]
    check_patch([pair.image for pair in material.train], settings.patch)
    return [
        _trial(axis, value, change, index == 0, seed, budget, material)
        for axis in dict.fromkeys(axes or AXES)
        for index, (value, change) in enumerate(_changes(axis, settings, len(material.train)))
        for seed in range(seeds or settings.seeds)
    ]


def _changes(axis, budget, available):
    """List the values of an axis with their changes, the baseline first."""
    width = budget.width or configs.configure(TASKS[TASK].model).width
    changes = [
        (value, change)
        for value, change in AXES[axis](width).items()
        # A training set that is no smaller than the baseline's is the baseline's.
        if change.images is None or change.images < available
    ]
    return changes[: budget.values]


def _trial(axis, value, change, is_baseline, seed, name, material):
    budget, task = BUDGETS[name], TASKS[change.task]
    settings = {"width": budget.width, "latents": task.latents} | change.model
    return Trial(
        axis=axis,
        value=value,
        baseline=is_baseline,
        seed=seed,
        task=task.name,
        budget=name,
        model=configs.configure(task.model, **settings),
        options=replace(base_options(budget), **change.options),
        data=Sets(
            train=material.train_name,
            test=material.test_name,
            pictures=change.images or len(material.train),
        ),
    )


def base_options(budget):
    """Return the options of the baseline trial: a recipe's defaults."""
    return Options(steps=budget.steps, batch=budget.batch, patch=budget.patch, quality=QUALITY)
