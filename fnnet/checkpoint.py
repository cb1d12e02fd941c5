"""Trees of arrays in safetensors files: written whole or not at all, distrusted until checked.

A file holds every leaf under the name that ``trees.flatten`` gives it, and one metadata entry,
``fnnet``: JSON text with the format's version, a configuration, and a digest over both, since
safetensors has no checksum of its own. A run saves with ``save_step`` and continues with
``restore_newest``: it may be killed at any moment and loses at most the steps since its last save.

There must be one writer to a name at a time; different names in one folder do not meet.
"""

import contextlib
import json
import operator
import os
import re
import stat
import warnings
from pathlib import Path

import jax
import numpy as np
import safetensors
import safetensors.numpy

from fnnet import trees

__all__ = [
    "CheckpointError",
    "load",
    "newest_step",
    "restore",
    "restore_newest",
    "save",
    "save_step",
    "write_whole",
]

FORMAT = 1
SIZE_LIMIT = 4 * 2**30  # bytes; a larger file is refused before it is read

# What the library writes and can also read back: it writes float8 and cannot read it.
_DTYPES = re.compile(r"bool|u?int(8|16|32|64)|b?float16|float(32|64)|complex64")
_STEP_NAME = re.compile(r"checkpoint-([0-9]{8,})\.safetensors")
_HEADER_LIMIT = 100_000_000  # bytes; the library's own limit
_EXPLAINED_LIMIT = 10_000_000  # bytes; a refused header is not read further in search of reasons


class CheckpointError(ValueError):
    """A checkpoint that cannot be written, read, or fitted to a model, in one sentence."""


def save(path, tree, config=None):
    """Write a tree of arrays to `path`: whole, or not at all.

    Parameters
    ----------
    path : str or Path
        File to write; a file that is there is replaced at the very end.
    tree : pytree of arrays
        Dicts, tuples and named tuples of JAX or NumPy arrays, such as ``{"params": ...,
        "state": ..., "opt": ..., "step": ...}``. Typed random keys are refused.
    config : JSON value
        Kept beside the arrays, as JSON has it: tuples come back as lists.

    Raises
    ------
    CheckpointError
        If the file cannot be written, or would be too large to be read again.
    TypeError
        If a leaf is not an array of a dtype that can be kept, or `config` is not JSON.
    ValueError
        If two leaves have the same name.
    """
    body = _encode(tree, config)
    if len(body) > SIZE_LIMIT:
        raise CheckpointError(f"{path}: {len(body)} bytes is over the limit of {SIZE_LIMIT}")
    try:
        write_whole(path, body)
    except OSError as error:
        unchanged = "; the file that was there is unchanged" if Path(path).is_file() else ""
        raise CheckpointError(f"{path}: could not be saved: {_cause(error)}{unchanged}") from error


def load(path):
    """Read what `save` wrote, as NumPy arrays by name.

    Returns
    -------
    named : dict of str to numpy.ndarray
        ``{"params/encoder/conv2d_0/kernel": array, ...}``.
    config : JSON value
        What `save` was given, as JSON has it.

    Raises
    ------
    CheckpointError
        If the file is missing, unreadable, too large, not written by `save`, of a newer format,
        or damaged in any place.
    """
    size = _checked_size(path)
    try:
        with safetensors.safe_open(path, framework="np") as file:
            head = _decode_metadata(path, file.metadata())
            names = file.keys()
            named = {name: file.get_tensor(name) for name in names}
    except CheckpointError:
        raise
    except Exception as error:  # SafetensorError, OSError, KeyError and AttributeError occur
        raise CheckpointError(f"{path}: {_why_unreadable(path, size, error)}") from error
    if trees.digest(named, head["config"]) != head["digest"]:
        raise CheckpointError(f"{path}: damaged: its contents do not match its digest")
    return named, head["config"]


def restore(path, like):
    """Read a tree that has the structure, shapes and dtypes of `like`.

    Parameters
    ----------
    path : str or Path
        File that `save` wrote.
    like : pytree of arrays or jax.ShapeDtypeStruct
        What the file must hold, neither more nor less; ``jax.eval_shape`` makes one at no cost.

    Returns
    -------
    tree : pytree of jax.Array
        With the structure of `like`.
    config : JSON value
        What `save` was given.

    Raises
    ------
    CheckpointError
        As `load`; or if names, shapes or dtypes differ from those of `like`: the first is named.
    TypeError
        If a leaf of `like` is not an array.
    """
    named, config = load(path)
    return _fit(path, named, like), config


def save_step(folder, step, tree, config=None):
    """Save ``checkpoint-STEP.safetensors`` in a run's folder and keep the one before it.

    Older ones go only after the new one is in place. Later ones, left over if a run went back to
    an earlier step, stay until their step is reached again: what was just saved is never deleted
    in their favour.

    Parameters
    ----------
    folder : str or Path
        Folder that exists and that no other process saves into.
    step : int
        Steps done, at least 0.
    tree, config
        As in `save`.

    Returns
    -------
    Path
        The file.
    """
    folder, step = Path(folder), operator.index(step)
    if step < 0:
        raise CheckpointError(f"{folder}: step={step} must be at least 0")
    # What a killed save left takes room and is never read.
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
        What the file must hold, neither more nor less but for `leave_out`.
    leave_out : sequence of str
        Names at the top of the file's tree that are not restored, such as an optimiser's state.

    Returns
    -------
    tree : pytree of jax.Array
        With the structure of `like`.
    config : JSON value
        What was saved with it.
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
        return _fit(path, wanted, like), config, step
    raise CheckpointError(f"{folder}: no checkpoint can be read: {'; '.join(reasons)}")


def newest_step(folder):
    """Find the greatest step of the checkpoints in a folder, by name alone; None without any."""
    return max(_steps(folder), default=None)


def write_whole(path, data):
    """Write bytes to `path` so that a crash or a full disk leaves the old file or the new one.

    They go to ``<name>.tmp`` beside it, reach the disk, and take the name by renaming.

    Raises
    ------
    OSError
        If that fails; then what was at `path` is unchanged and no ``.tmp`` is left.
    """
    path = Path(path)
    temporary = path.with_name(path.name + ".tmp")
    try:
        # Deleted, not written over: a left-over could be a link to somewhere else.
        temporary.unlink(missing_ok=True)
        with open(temporary, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:  # an interrupt from the keyboard too
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    _sync_folder(path)


def _sync_folder(path):
    """Make the renaming of `path` survive a power cut, where the file system can."""
    if os.name == "nt":
        return
    try:
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        # Not an error: the file is written and in place, and some file systems cannot do more.
        reason = f"{path}: written, but may not survive a power cut: {_cause(error)}"
        warnings.warn(reason, stacklevel=3)


def _encode(tree, config):
    """Turn a tree and a configuration into the bytes of a file: the same ones every time."""
    try:
        # As it will be read back: JSON sorts the keys 2 and 10 differently from "2" and "10".
        config = json.loads(json.dumps(config))
    except (TypeError, ValueError) as error:
        raise TypeError(f"config cannot be written as JSON: {error}") from error
    named = _host_arrays(tree)
    head = {"config": config, "digest": trees.digest(named, config), "format": FORMAT}
    # One metadata entry: with several, the library writes them in a different order each time.
    return safetensors.numpy.save(named, metadata={"fnnet": json.dumps(head, sort_keys=True)})


def _host_arrays(tree):
    """Name the leaves, in sorted order, as NumPy arrays in C order and native byte order."""
    named = trees.flatten(tree)
    if len(named) != len(jax.tree.leaves(tree)):
        raise ValueError("two leaves have the same name: a '/' in a key looks like a level")
    if "__metadata__" in named:
        raise ValueError("a leaf is called '__metadata__', which safetensors keeps for itself")
    return {name: _host_array(name, named[name]) for name in sorted(named)}


def _host_array(name, leaf):
    dtype = _checked_dtype(name, leaf)
    if not _DTYPES.fullmatch(dtype.name):
        hint = "; save jax.random.key_data of it" if "key<" in dtype.name else ""
        raise TypeError(f"{name}: {dtype.name} cannot be kept in a checkpoint{hint}")
    array = np.asarray(jax.device_get(leaf))
    # The library writes memory as it lies, so order matters. Not ascontiguousarray: it gives an
    # axis to an array that has none.
    return np.asarray(array, dtype=array.dtype.newbyteorder("="), order="C")


def _checked_dtype(name, leaf):
    """Look up a leaf's dtype; Python numbers have none, and would come back as arrays."""
    if not (hasattr(leaf, "dtype") and hasattr(leaf, "shape")):
        raise TypeError(f"{name}: {type(leaf).__name__} is not an array")
    return leaf.dtype


def _checked_size(path):
    """Find a file's size, refusing what is not a regular file of acceptable size."""
    try:
        status = os.stat(path)
    except FileNotFoundError as error:
        raise CheckpointError(f"{path}: does not exist") from error
    except OSError as error:
        raise CheckpointError(f"{path}: could not be read: {_cause(error)}") from error
    if stat.S_ISDIR(status.st_mode):
        raise CheckpointError(f"{path}: is a folder, not a checkpoint")
    if not stat.S_ISREG(status.st_mode):  # opening a pipe would wait for ever
        raise CheckpointError(f"{path}: is not a regular file")
    if status.st_size > SIZE_LIMIT:
        raise CheckpointError(f"{path}: {status.st_size} bytes is over the limit of {SIZE_LIMIT}")
    return status.st_size


def _decode_metadata(path, metadata):
    """Read the ``fnnet`` entry; the version comes first, for it decides what the rest means."""
    if "fnnet" not in (metadata or {}):
        raise CheckpointError(f"{path}: is a safetensors file, but not one that fnnet wrote")
    try:
        head = json.loads(metadata["fnnet"])
    except (ValueError, RecursionError):
        head = None
    version = head.get("format") if isinstance(head, dict) else None
    if type(version) is int and version > FORMAT:
        raise CheckpointError(
            f"{path}: written by a newer fnnet (format {version}); this one reads {FORMAT}"
        )
    if version != FORMAT or set(head) != {"config", "digest", "format"}:
        raise CheckpointError(f"{path}: damaged: its fnnet entry is not one that fnnet writes")
    return head


def _why_unreadable(path, size, error):
    """Say in plain words why the library could not read a file."""
    if size < 9:
        return f"{size} bytes are too few for a checkpoint"
    try:
        with open(path, "rb") as file:
            length, start = int.from_bytes(file.read(8), "little"), file.read(1)
            if start != b"{" or length > _HEADER_LIMIT:
                return "is not a safetensors file"
            header = start + file.read(min(length, _EXPLAINED_LIMIT) - 1)
    except OSError as unreadable:
        return f"could not be read: {_cause(unreadable)}"
    whole = 8 + length + _body_size(header)
    if size < whole:
        return f"ends after {size} of at least {whole} bytes: truncated"
    return f"damaged: {error}"


def _body_size(header):
    """Count the bytes that a header promises behind it; a header that is itself damaged, none."""
    try:
        entries = json.loads(header)
        entries.pop("__metadata__", None)
        return max((int(entry["data_offsets"][1]) for entry in entries.values()), default=0)
    except Exception:  # it can be wrong in any way
        return 0


def _fit(path, named, like):
    """Build `like`'s tree from a file's arrays, or name the first difference between them."""
    template = trees.flatten(like)
    for name, leaf in template.items():
        dtype = _checked_dtype(name, leaf)
        if name not in named:
            raise CheckpointError(f"{path}: {name}: missing from the file, model {leaf.shape}")
        array = named[name]
        if array.shape != tuple(leaf.shape):
            raise CheckpointError(f"{path}: {name}: file {array.shape}, model {leaf.shape}")
        if array.dtype != dtype:
            raise CheckpointError(f"{path}: {name}: file {array.dtype}, model {dtype}")
        if jax.dtypes.canonicalize_dtype(dtype) != dtype:
            raise CheckpointError(f"{path}: {name}: {dtype} needs jax_enable_x64, which is off")
    for name in sorted(set(named) - set(template)):
        raise CheckpointError(f"{path}: {name}: file {named[name].shape}, missing from the model")
    # By device_put, so that a transfer guard lets it pass.
    return jax.device_put(trees.unflatten(named, like))


def _step_path(folder, step):
    return Path(folder) / f"checkpoint-{step:08d}.safetensors"


def _steps(folder):
    """List the steps of the checkpoints in a folder in ascending order."""
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise CheckpointError(f"{folder}: could not be read: {_cause(error)}") from error
    steps = {int(match[1]) for match in map(_STEP_NAME.fullmatch, names) if match}
    # A name with more zeros than save_step writes is not one of its files.
    return sorted(step for step in steps if _step_path(folder, step).name in names)


def _remove(paths):
    """Delete files that are no longer needed; failing costs room, not the run."""
    for path in paths:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            warnings.warn(f"{path}: could not be removed: {_cause(error)}", stacklevel=3)


def _cause(error):
    return error.strerror or str(error)
