"""Trees of arrays in safetensors files: written whole or not at all, distrusted until checked.

A file holds every leaf under the name that ``trees.flatten`` gives it, and one metadata entry,
``fnnet``: JSON text with the format's version, a configuration, and a digest over both, since
safetensors has no checksum of its own.
"""

import json
import os
import re
import stat
from pathlib import Path

import jax
import numpy as np
import safetensors
import safetensors.numpy

from fnnet import trees
from fnnet.files import write_whole

__all__ = ["CheckpointError", "fit_tree", "load", "restore", "save"]

FORMAT = 1
SIZE_LIMIT = 4 * 2**30  # bytes; a larger file is rejected before it is read

# Dtypes that the library both writes and reads: it writes float8 and cannot read it.
_DTYPES = re.compile(r"bool|u?int(8|16|32|64)|b?float16|float(32|64)|complex64")
_HEADER_LIMIT = 100_000_000  # bytes; the library's own limit
_EXPLAINED_LIMIT = 10_000_000  # bytes; a rejected header is read no further in search of reasons


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
        "state": ..., "opt": ..., "step": ...}``. Typed random keys are rejected.
    config : JSON value
        Stored beside the arrays, as JSON has it: tuples come back as lists.

    Raises
    ------
    CheckpointError
        If the file cannot be written, or would be too large to be read again.
    TypeError
        If a leaf is not an array of a dtype that can be stored, or `config` is not JSON.
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
        raise CheckpointError(
            f"{path}: could not be saved: {error.strerror or error}{unchanged}"
        ) from error


def load(path):
    """Read what `save` wrote, as NumPy arrays by name.

    Returns
    -------
    named : dict of str to numpy.ndarray
        ``{"params/encoder/conv2d_0/kernel": array, ...}``.
    config : JSON value
        The one that was saved, as JSON has it.

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
        Structure of the file, neither more nor less; ``jax.eval_shape`` builds one at no cost.

    Returns
    -------
    tree : pytree of jax.Array
        With the structure of `like`.
    config : JSON value
        The one that was saved.

    Raises
    ------
    CheckpointError
        As `load` and `fit_tree`.
    TypeError
        If a leaf of `like` is not an array.
    """
    named, config = load(path)
    return fit_tree(path, named, like), config


def fit_tree(path, named, like):
    """Build a tree of the structure of `like` from the arrays that `load` read from `path`.

    Parameters
    ----------
    path : str or Path
        For messages.
    named : dict of str to numpy.ndarray
    like : pytree of arrays or jax.ShapeDtypeStruct

    Returns
    -------
    pytree of jax.Array

    Raises
    ------
    CheckpointError
        If names, shapes or dtypes differ from those of `like`: the first is named.
    TypeError
        If a leaf of `like` is not an array.
    """
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


def _encode(tree, config):
    """Encode a tree and a configuration as the bytes of a file, deterministically."""
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
        raise ValueError("a leaf is called '__metadata__', which safetensors reserves")
    return {name: _host_array(name, named[name]) for name in sorted(named)}


def _host_array(name, leaf):
    dtype = _checked_dtype(name, leaf)
    if not _DTYPES.fullmatch(dtype.name):
        hint = "; save jax.random.key_data of it" if "key<" in dtype.name else ""
        raise TypeError(f"{name}: {dtype.name} cannot be stored in a checkpoint{hint}")
    array = np.asarray(jax.device_get(leaf))
    # The library writes memory as it lies, so order matters. Not ascontiguousarray: it gives an
    # axis to an array that has none.
    return np.asarray(array, dtype=array.dtype.newbyteorder("="), order="C")


def _checked_dtype(name, leaf):
    """Return a leaf's dtype; raise for Python numbers, which would come back as arrays."""
    if not (hasattr(leaf, "dtype") and hasattr(leaf, "shape")):
        raise TypeError(f"{name}: {type(leaf).__name__} is not an array")
    return leaf.dtype


def _checked_size(path):
    """Return a file's size; raise unless it is a regular file of acceptable size."""
    try:
        status = os.stat(path)
    except FileNotFoundError as error:
        raise CheckpointError(f"{path}: does not exist") from error
    except OSError as error:
        raise CheckpointError(f"{path}: could not be read: {error.strerror or error}") from error
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
    """Explain in plain words why the library could not read a file."""
    if size < 9:
        return f"{size} bytes are too few for a checkpoint"
    try:
        with open(path, "rb") as file:
            length, start = int.from_bytes(file.read(8), "little"), file.read(1)
            if start != b"{" or length > _HEADER_LIMIT:
                return "is not a safetensors file"
            header = start + file.read(min(length, _EXPLAINED_LIMIT) - 1)
    except OSError as unreadable:
        return f"could not be read: {unreadable.strerror or unreadable}"
    whole = 8 + length + _body_size(header)
    if size < whole:
        return f"ends after {size} of at least {whole} bytes: truncated"
    return f"damaged: {error}"


def _body_size(header):
    """Count the bytes that a header promises after it: 0 if the header is damaged itself."""
    try:
        entries = json.loads(header)
        entries.pop("__metadata__", None)
        return max((int(entry["data_offsets"][1]) for entry in entries.values()), default=0)
    except Exception:  # it can be wrong in any way
        return 0
