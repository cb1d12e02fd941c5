"""Checkpoints and released weights of a run."""

import jax
import numpy as np

from fnnet import checkpoint, checkpoint_series
from fnnet.train import TrainState, init_state

WEIGHTS = "weights.safetensors"
# Parts of a checkpoint that only training needs.
_TRAINING_ONLY = ("opt", "step", "skipped")


def save(folder, train_state, model_record):
    """Save a training state in a run's folder, which keeps the two newest."""
    tree = _as_tree(train_state)
    checkpoint_series.save_step(folder, int(train_state.step), tree, model_record)


def restore(folder, model, optimizer, model_record):
    """Restore a run's newest training state and its step.

    Raises a CheckpointError if there is none of the network that `model_record` describes.
    """

    def init(key):
        return init_state(*model.init(key, (64, 64, 3)), optimizer)

    like = jax.eval_shape(init, jax.random.key(0))
    tree, saved_for, step = checkpoint_series.restore_newest(folder, _as_tree(like))
    _require_same(folder, saved_for, model_record)
    state = TrainState(tree["step"], tree["params"], tree["state"], tree["opt"], tree["skipped"])
    return state, step


def restore_network(folder, model, model_record):
    """Restore the network of a run's newest checkpoint as `restore` does: (params, state, step)."""
    params, state = jax.eval_shape(lambda key: model.init(key, (64, 64, 3)), jax.random.key(0))
    like = {"params": params, "state": state}
    tree, saved_for, step = checkpoint_series.restore_newest(folder, like, leave_out=_TRAINING_ONLY)
    _require_same(folder, saved_for, model_record)
    return tree["params"], tree["state"], step


def save_weights(path, params, state, step, model_record):
    """Save inference weights only: no optimiser state, parameters in float16."""
    tree = {"params": jax.tree.map(lambda leaf: np.asarray(leaf, np.float16), params)}
    checkpoint.save(path, tree | {"state": state, "step": np.int32(step)}, model_record)


def restore_weights(path, model, model_record):
    """Restore what `save_weights` saved as `restore_network` does, parameters as float32."""
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


# Settings of runs from before these could be chosen.
_WITHOUT_CHOICE = {"precision": "float32", "latents": "real", "distortion_weights": []}


def _as_tree(train_state):
    step, params, state, opt_state, skipped = train_state
    return {"params": params, "state": state, "opt": opt_state, "step": step, "skipped": skipped}
