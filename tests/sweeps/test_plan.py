"""What a sweep is made of: axes, budgets, the options that its trials name."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import get_args

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sweep_builders import material

import fnnet as fn
from experiments.networks import architectures, configs
from experiments.networks.tasks import TASKS, check
from experiments.runs import recipes
from experiments.sweeps.axes import AXES
from experiments.sweeps.plan import BUDGETS, plan

IMAGES = material(train=9)


@pytest.mark.parametrize("budget", ["small", "full"])
def test_a_sweep_is_axis_by_axis_and_each_axis_has_one_baseline_a_seed(budget, monkeypatch):
    monkeypatch.setattr("experiments.sweeps.plan.check_patch", lambda *args: None)
    trials = plan((), budget, None, IMAGES)
    axes = [trial.axis for trial in trials]
    assert list(dict.fromkeys(axes)) == list(AXES)
    assert axes == sorted(axes, key=list(AXES).index)
    assert len({trial.identity for trial in trials}) == len(trials)
    baselines = [trial for trial in trials if trial.baseline]
    assert len(baselines) == len(AXES) * BUDGETS[budget].seeds
    assert len({trial.work for trial in baselines}) == BUDGETS[budget].seeds
    for trial in trials:
        check(TASKS[trial.task], trial.model)
        recipes.make_optimizer(trial.options)
        assert trial.baseline == (trial.work in {each.work for each in baselines})


def test_the_axes_have_all_that_there_is_to_choose():
    assert set(AXES["activation"](1)) == set(architectures.ACTIVATIONS)
    assert set(AXES["norm"](1)) == set(get_args(configs.Norm))
    assert (
        set(AXES["optimizer"](1)) == {*get_args(recipes.OptimizerName)} == {*recipes.LEARNING_RATES}
    )
    assert list(AXES["width"](24)) == ["24", "12", "48"]
    assert list(AXES["dropout"](1)) == ["0", "0.05", "0.2", "0.5"]
    assert list(AXES["learning_rate"](1)) == ["0.002", "0.0002", "0.00067", "0.006", "0.02"]


def test_depth_does_not_change_how_many_latents_there_are():
    for change in AXES["depth"](1).values():
        assert change.model["bottleneck"] / 4 ** change.model["depth"] == 16 / 4**3


def test_a_set_that_is_too_small_leaves_out_what_would_be_the_baseline_again(monkeypatch):
    monkeypatch.setattr("experiments.sweeps.plan.check_patch", lambda *args: None)
    trials = plan(("pictures",), "small", 1, IMAGES)
    found = [(trial.value, trial.data.pictures, trial.baseline) for trial in trials]
    assert found == [("all", 9, True), ("2", 2, False), ("8", 8, False)]


IDENTITIES = """
import json
from sweep_builders import material
from experiments.sweeps.plan import plan
print(json.dumps([trial.identity for trial in plan((), "tiny", 1, material(train=9))]))
"""


def test_identities_are_those_of_every_process():
    tests = Path(__file__).parents[1] / "support"
    done = subprocess.run(
        [sys.executable, "-c", IDENTITIES],
        capture_output=True,
        text=True,
        cwd=tests.parents[1],
        env=os.environ | {"PYTHONPATH": f"{tests}", "PYTHONHASHSEED": "7"},
    )
    found = json.loads(done.stdout)
    assert found == [trial.identity for trial in plan((), "tiny", 1, IMAGES)]


@pytest.mark.parametrize("name", get_args(recipes.OptimizerName))
def test_every_optimiser_goes_downhill_at_its_own_learning_rate(name):
    rates = {"learning_rate": recipes.LEARNING_RATES[name], "clip": recipes.CLIPS[name]}
    settings = {"schedule": "constant", "steps": 30, "batch": 1, "patch": 1}
    optimizer = recipes.make_optimizer(recipes.Recipe(optimizer=name, **rates, **settings))
    goal = jnp.asarray(np.random.default_rng(0).normal(size=(3, 4)) / 50, jnp.float32)

    def loss(params):
        return jnp.square(params["kernel"] - goal).mean()

    params = {"kernel": jnp.zeros((3, 4))}
    opt_state, first = optimizer.init(params), loss(params)

    @jax.jit
    def move(params, opt_state, step):
        updates, opt_state = optimizer.update(jax.grad(loss)(params), opt_state, params, step)
        return fn.optim.apply_updates(params, updates), opt_state

    for step in range(30):
        params, opt_state = move(params, opt_state, step)
    assert loss(params) < first


def test_muon_leaves_to_adam_what_is_no_kernel():
    config = configs.configure("pyramid", width=4, bottleneck=6, depth=1, latents="penalised")
    params, _ = jax.eval_shape(
        lambda key: architectures.build(config).init(key, (16, 16, 3)), jax.random.key(0)
    )
    settings = {"schedule": "constant", "steps": 1, "batch": 1, "patch": 1}
    optimizer = recipes.make_optimizer(recipes.Recipe(optimizer="muon", clip=1.0, **settings))
    state = jax.eval_shape(optimizer.init, params)
    others = set(state[-1]["others"]["first_moment"])
    assert {path.split("/")[0] for path in others} == {"gain", "inverse_gain", "prior"}
    assert len(others) + len(_leaves(state[-1]["kernels"])) == len(fn.trees.flatten(params))


def _leaves(opt_state):
    """Paths that Muon steps, as matrices or not."""
    paths = fn.trees.flatten(opt_state)
    return {path for path in paths if "velocity" in path or "first_moment" in path}
