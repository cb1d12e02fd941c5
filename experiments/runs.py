"""A run as a value: what its folder says, and the trained network in it."""

import os
import platform
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import jax
import numpy as np

import fnnet as fn
from experiments import evaluation, models
from experiments.codec import Codec, is_codec
from experiments.coding import FnnError
from experiments.machine import cores
from experiments.runfolder import RunError, read_json
from experiments.tasks import TASKS, Task
from fnnet import checkpoint, optim, schedules
from fnnet.core import require
from fnnet.optim.transforms import partition_by
from fnnet.train import TrainState, init_state

WEIGHTS = "weights.safetensors"
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
# Arrays of several axes that are no matrices between channels: Muon would mix rates, and what must
# stay small beside what is large.
_NO_MATRICES = ("gain", "inverse_gain", "prior", "gamma_root")


@dataclass(frozen=True, eq=False)
class Run:
    """A trained network and where it came from.

    `config` are the training command's options, `record` what `record.json` holds: versions, seed,
    and the pictures with their hashes and sides of the split. ``model.apply(params, state, x)``
    takes pictures (N, H, W, 3) in 0..1.
    """

    folder: Path
    config: dict
    record: dict
    task: Task
    model: fn.Layer
    params: dict
    state: dict
    step: int

    @property
    def is_codec(self):
        """Whether its pictures can be written to files."""
        return is_codec(self.model)

    def codec(self):
        """Make it ready to write and read files.

        Raises
        ------
        RunError
            If its latents are real numbers, or its training has not ended.
        FnnError
            If its tables are damaged.
        """
        try:
            return Codec(self.model, self.params, self.state, self.record["model"])
        except (RunError, FnnError) as error:
            raise type(error)(f"{self.folder}: {error}") from None

    def apply(self, rate=None):
        """Make ``pixels (H, W, 3) uint8 -> Output``: through files, where the run is a codec.

        `rate` is the number of one of the codec's rates, from 1; without it, the middle one.
        """
        if not self.is_codec:
            require(rate is None, f"--rate {rate}: {self.folder} writes no files")
            return evaluation.make_apply(self.model, self.params, self.state)
        codec = self.codec()
        return evaluation.through_files(codec, chosen_rate(codec, rate))


def load_run(folder):
    """Load a run for use: its newest checkpoint that is sound, or its weights if it is released.

    Raises
    ------
    RunError
        If the folder holds no run.
    CheckpointError
        If no checkpoint can be read or it belongs to another model.
    """
    folder = Path(folder)
    config = read_run_config(folder)
    record = read_record(folder)
    try:
        model = models.build(models.from_json(record["model"]))
        optimizer = make_optimizer(config)
    except (KeyError, TypeError, AttributeError) as error:
        raise RunError(f"{folder}: config.json or record.json is damaged: {error!r}") from error
    if (folder / WEIGHTS).exists():
        trained = restore_weights(folder / WEIGHTS, model, record["model"])
    else:
        (step, params, state, *_), _ = restore(folder, model, optimizer, record["model"])
        trained = params, state, int(step)
    return Run(folder, config, record, TASKS[config["task"]], model, *trained)


def chosen_rate(codec, rate):
    """Check a rate's number, from 1, and give its index; the middle one's for None."""
    if rate is None:
        return codec.middle_rate
    require(1 <= rate <= codec.rates, f"--rate {rate}: must be in 1..{codec.rates} for this run")
    return rate - 1


def read_record(folder):
    """Read what a run says of itself."""
    path = Path(folder) / "record.json"
    record = read_json(path)
    for name, kind in (("model", dict), ("pictures", list), ("sessions", list)):
        if not isinstance(record, dict) or not isinstance(record.get(name), kind):
            raise RunError(f"{path}: is not the record of a run: it has no {name!r}")
    return record


# What commands read of a config that they do not parse; the rest is checked where it is used.
_SOUND = {
    "task": lambda value: isinstance(value, str) and value in TASKS,
    "data": lambda value: value is None or isinstance(value, str),
    "quality": lambda value: isinstance(value, int),
    "downscale": lambda value: isinstance(value, int | float),
}


def read_run_config(folder):
    """Read the options that a run was started with."""
    path = Path(folder) / "config.json"
    if not path.exists():
        raise RunError(f"{folder}: holds no run (there is no config.json)")
    config = read_json(path)
    if not isinstance(config, dict):
        raise RunError(f"{path}: is not the config of a run")
    for name, is_sound in _SOUND.items():
        if not is_sound(config.get(name)):
            raise RunError(
                f"{path}: is not the config of a run: {name} is {config.get(name)!r} there"
            )
    return config


def make_optimizer(config):
    """Make the optimiser and schedule that a run's options name."""
    rule = {
        "adam": optim.adam,
        "adamw": optim.adamw,
        "rmsprop": optim.rmsprop,
        "lion": optim.lion,
        "muon": _muon,
        "momentum": optim.momentum,
        "nesterov": optim.nesterov,
        "sgd": optim.sgd,
    }[config["optimizer"]]
    return optim.chain(optim.clip_by_global_norm(config["clip"]), rule(make_schedule(config)))


def _muon(rate):
    def label(path, leaf):
        return "others" if {*path.split("/")} & {*_NO_MATRICES} else "kernels"

    # Not `optim.partition`, which wants every part to have a leaf: most models have no others.
    return partition_by({"kernels": optim.muon(rate), "others": optim.adam(rate)}, label)


def make_schedule(config):
    """Make the learning rate's schedule."""
    rate, steps = config["learning_rate"], config["steps"]
    return {
        "constant": lambda: schedules.constant(rate),
        "linear": lambda: schedules.linear(rate, 0.01 * rate, steps=steps),
        "exponential": lambda: schedules.exponential(rate, 0.01 * rate, steps=steps),
        "cosine": lambda: schedules.cosine(rate, steps=steps, warmup=steps // 20, end=0.01 * rate),
    }[config["schedule"]]()


def save(folder, train_state, model_record):
    """Save a training state in a run's folder; the two newest are kept."""
    tree = _as_tree(train_state)
    checkpoint.save_step(folder, int(train_state.step), tree, model_record)


def restore(folder, model, optimizer, model_record):
    """Restore a run's newest training state: ``(TrainState, step)``.

    Raises
    ------
    CheckpointError
        If there is none that can be read, or it was saved for another model than `model_record`.
    """
    like = jax.eval_shape(partial(_init, model, optimizer), jax.random.key(0))
    tree, saved_for, step = checkpoint.restore_newest(folder, _as_tree(like))
    _require_same(folder, saved_for, model_record)
    state = TrainState(tree["step"], tree["params"], tree["state"], tree["opt"], tree["skipped"])
    return state, step


def save_weights(path, params, state, step, model_record):
    """Save what is used of a run, without its optimiser, with parameters of half the bytes."""
    tree = {"params": jax.tree.map(lambda leaf: np.asarray(leaf, np.float16), params)}
    checkpoint.save(path, tree | {"state": state, "step": np.int32(step)}, model_record)


def restore_weights(path, model, model_record):
    """Restore what `save_weights` saved: ``(params, state, step)``, parameters as float32.

    Raises
    ------
    CheckpointError
        If the file cannot be read or is of another model.
    """
    params, state = jax.eval_shape(lambda key: model.init(key, (64, 64, 3)), jax.random.key(0))
    halves = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, np.float16), params)
    step = jax.ShapeDtypeStruct((), np.int32)
    tree, saved_for = checkpoint.restore(path, {"params": halves, "state": state, "step": step})
    _require_same(path, saved_for, model_record)
    params = jax.tree.map(lambda leaf: leaf.astype(np.float32), tree["params"])
    return params, tree["state"], int(tree["step"])


def _require_same(where, saved_for, model_record):
    model_record, saved_for = _WITHOUT_CHOICE | model_record, _WITHOUT_CHOICE | saved_for
    for name in sorted({*model_record, *saved_for}):
        if model_record.get(name) != saved_for.get(name):
            raise checkpoint.CheckpointError(
                f"{where}: the checkpoint is of another config: {name} is "
                f"{saved_for.get(name)!r} there, {model_record.get(name)!r} in the run"
            )


# What runs did from before there was a choice.
_WITHOUT_CHOICE = {"precision": "float32", "latents": "real", "distortion_weights": []}


def _init(model, optimizer, key):
    return init_state(*model.init(key, (64, 64, 3)), optimizer)


def _as_tree(train_state):
    step, params, state, opt_state, skipped = train_state
    return {"params": params, "state": state, "opt": opt_state, "step": step, "skipped": skipped}


def environment():
    """Describe what can change a run's bits: versions, platform, threads."""
    packages = ("jax", "jaxlib", "numpy", "pillow", "safetensors", "scikit-image")
    return {
        "fnnet": version("fnnet"),
        "python": platform.python_version(),
        **{package: version(package) for package in packages},
        "machine": platform.machine(),
        "system": platform.system(),
        "device": jax.devices()[0].device_kind,
        "cores": cores(),
        "NPROC": os.environ.get("NPROC"),
    }
