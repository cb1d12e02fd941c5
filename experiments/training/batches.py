"""Training inputs: the batch of each step, and the held-out crops of the curve."""

import math

from experiments.images import sample_batch, sampling_window
from experiments.runs.recipes import Recipe

_WATCH_BATCH, _WATCH_PATCH, _WATCH_IMAGES = 8, 128, 64


def make_batches(task, pairs, recipe: Recipe, *, seed, rows=slice(None)):
    """Return ``number -> batch``, of which `rows` are cut: a pure function of the step's number."""
    sizes = [2 * math.prod(pair.image.shape) for pair in pairs]

    def batches(number):
        chosen = sampling_window(sizes, seed=seed, step=number)
        return sample_batch(
            _sources(task, [pairs[index] for index in chosen]),
            seed=seed,
            step=number,
            batch_size=recipe.batch,
            patch=recipe.patch,
            grid=recipe.grid,
            rows=rows,
        )

    return batches


def watched_batch(task, pairs, *, seed):
    """Cut crops from held-out images: the same ones in every run of a seed."""
    pairs = pairs[:_WATCH_IMAGES]
    patch = min(_WATCH_PATCH, *(min(pair.image.shape[:2]) for pair in pairs))
    return sample_batch(
        _sources(task, pairs), seed=seed, step=0, batch_size=_WATCH_BATCH, patch=patch
    )


def _sources(task, pairs):
    return [(pair.get(task.source), pair.get(task.target)) for pair in pairs]
