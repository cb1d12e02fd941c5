"""Batches and watched crops of a task: functions of seed and step."""

from dataclasses import replace

import numpy as np
import pytest

from experiments.evaluation.pairs import load_pairs
from experiments.networks.tasks import TASKS
from experiments.runs.recipes import Recipe
from experiments.training.batches import make_batches, watched_batch

RECIPE = Recipe(steps=1, batch=4, patch=16)


@pytest.fixture(scope="module")
def pairs():
    return load_pairs(None, 10)


def test_each_step_and_each_seed_has_a_batch_of_its_own(pairs):
    one, same, other = (
        make_batches(TASKS["restore"], pairs, RECIPE, seed=seed) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(one(3), same(3))
    assert not np.array_equal(one(3), one(4))
    assert not np.array_equal(one(3), other(3))
    rows = make_batches(TASKS["restore"], pairs, RECIPE, seed=0, rows=slice(1, 3))
    np.testing.assert_array_equal(rows(3), np.array(one(3))[:, 1:3])


def test_what_goes_in_and_what_must_come_out_are_the_task_s(pairs):
    batches = {name: make_batches(TASKS[name], pairs, RECIPE, seed=0)(0) for name in TASKS}
    original, jpeg = batches["emulate"]
    np.testing.assert_array_equal(batches["restore"], (jpeg, original))
    np.testing.assert_array_equal(batches["autoencode"], (original, original))
    assert not np.array_equal(original, jpeg)


def test_the_grid_of_the_options_is_kept(pairs):
    kept = make_batches(TASKS["restore"], pairs, replace(RECIPE, grid="keep"), seed=0)
    free = make_batches(TASKS["restore"], pairs, RECIPE, seed=0)
    assert not np.array_equal(kept(0), free(0))


def test_watched_crops_are_as_large_as_the_smallest_image_lets_them_be(pairs):
    source, target = watched_batch(TASKS["autoencode"], pairs, seed=0)
    assert source.shape == (8, 128, 128, 3)
    np.testing.assert_array_equal(source, target)
    np.testing.assert_array_equal(watched_batch(TASKS["autoencode"], pairs, seed=0)[0], source)
