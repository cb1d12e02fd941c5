"""Checkpoints of a run: one file per saved step, of which the newest two are kept.

A run saves with `save_step` and continues with `restore_newest`. It may be killed at any moment and
loses at most the steps since its last save.
"""

import operator
import os
import re
import warnings
from pathlib import Path

from fnnet.checkpoint import CheckpointError, fit_tree, load, save

__all__ = ["newest_step", "restore_newest", "save_step"]

_STEP_NAME = re.compile(r"checkpoint-([0-9]{8,})\.safetensors")


def save_step(folder, step, tree, config=None):
    """Save ``checkpoint-STEP.safetensors`` in a run's folder; keep the previous one, delete older.

    Older files are deleted only after the new one is in place. Later ones, left over if a run went
    back to an earlier step, stay until their step is reached again: the newly saved file is never
    deleted in their favour.

    Parameters
    ----------
    folder : str or Path
        Folder that exists and that no other process saves into.
    step : int
        Steps done, at least 0.
    tree, config
        As in `fnnet.checkpoint.save`.

    Returns
    -------
    Path
        The file.
    """
    folder, step = Path(folder), operator.index(step)
    if step < 0:
        raise CheckpointError(f"{folder}: step={step} must be at least 0")
    # Leftovers of a killed save take room and are never read.
    _remove(folder.glob("checkpoint-*.safetensors.tmp"))
    path = _step_path(folder, step)
    save(path, tree, config)
    earlier = [_step_path(folder, other) for other in _steps(folder) if other < step]
    _remove(earlier[:-1])
    return path


def restore_newest(folder, like, *, leave_out=()):
    """Restore the newest checkpoint of a run's folder that can be read.

    Parameters
    ----------
    folder : str or Path
    like : pytree of arrays or jax.ShapeDtypeStruct
        As in `fnnet.checkpoint.restore`.
    leave_out : sequence of str
        Names at the top of the file's tree that are not restored, such as an optimiser's state.

    Returns
    -------
    tree : pytree of jax.Array
        With the structure of `like`.
    config : JSON value
        The one that was saved with it.
    step : int
        The step in the file's name.

    Warns
    -----
    UserWarning
        For each checkpoint that is passed over, with its path and the reason.

    Raises
    ------
    CheckpointError
        If there is none, or none can be read. A sound checkpoint of another model is an error
        at once: an older one would be of that model too.
    """
    steps = _steps(folder)
    if not steps:
        raise CheckpointError(f"{folder}: holds no checkpoint")
    reasons = []
    for step in reversed(steps):
        path = _step_path(folder, step)
        try:
            named, config = load(path)
        except CheckpointError as error:
            reasons.append(str(error))
            continue
        for reason in reasons:
            warnings.warn(f"{reason}; step {step} is used instead", stacklevel=2)
        wanted = {name: leaf for name, leaf in named.items() if name.split("/")[0] not in leave_out}
        return fit_tree(path, wanted, like), config, step
    raise CheckpointError(f"{folder}: no checkpoint can be read: {'; '.join(reasons)}")


def newest_step(folder):
    """Return the greatest step of a folder's checkpoints, by name alone; None if there are none."""
    return max(_steps(folder), default=None)


def _step_path(folder, step):
    return Path(folder) / f"checkpoint-{step:08d}.safetensors"


def _steps(folder):
    """List the steps of a folder's checkpoints in ascending order."""
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise CheckpointError(f"{folder}: could not be read: {error.strerror or error}") from error
    steps = {int(match[1]) for match in map(_STEP_NAME.fullmatch, names) if match}
    # A name with more zeros than save_step writes is not one of its files.
    return sorted(step for step in steps if _step_path(folder, step).name in names)


def _remove(paths):
    """Delete files that are no longer needed; warn on failure, which only wastes disk space."""
    for path in paths:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            warnings.warn(f"{path}: could not be removed: {error.strerror or error}", stacklevel=3)
