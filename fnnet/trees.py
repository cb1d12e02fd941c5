"""Trees of arrays: names of leaves, sizes, norms and digests, which ``jax.tree`` lacks."""

import functools
import hashlib
import json

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnnet.core import at_least_float32

__all__ = [
    "all_finite",
    "digest",
    "flatten",
    "global_norm",
    "select",
    "size",
    "unflatten",
    "zeros_like",
]


def flatten(tree):
    """Return the leaves by path, ``{"encoder/conv2d_0/kernel": leaf, ...}``, in tree order.

    Keys of dicts, positions of tuples and fields of named tuples are joined by ``/``.
    """
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {jax.tree_util.keystr(path, simple=True, separator="/"): leaf for path, leaf in leaves}


def unflatten(named, like):
    """Build a tree of `like`'s structure from the leaves that `flatten` named.

    Raises
    ------
    KeyError
        If `named` lacks one of `like`'s paths.
    """
    structure = jax.tree.structure(like)
    return jax.tree.unflatten(structure, [named[path] for path in flatten(like)])


def size(tree):
    """Count the values in all leaves."""
    return sum(int(np.prod(np.shape(leaf))) for leaf in jax.tree.leaves(tree))


def zeros_like(tree):
    """Build a tree of zeros with the same shapes and dtypes."""
    return jax.tree.map(jnp.zeros_like, tree)


def global_norm(tree):
    """Compute the Euclidean norm of all leaves as one vector, in float32 or wider."""
    leaves = [at_least_float32(leaf) for leaf in jax.tree.leaves(tree)]
    if not leaves:
        return jnp.zeros(())
    squares = sum(jnp.sum(jnp.square(leaf)) for leaf in leaves)
    # Squares leave float32's range long before their root does; the rare case takes two passes.
    is_safe = (squares > 1e-30) & (squares < jnp.inf)
    return lax.cond(is_safe, lambda leaves: jnp.sqrt(squares), _norm_in_units, leaves)


def _norm_in_units(leaves):
    largest = functools.reduce(jnp.maximum, [jnp.max(jnp.abs(leaf), initial=0) for leaf in leaves])
    unit = lax.stop_gradient(jnp.where((largest > 0) & jnp.isfinite(largest), largest, 1))
    return unit * jnp.sqrt(sum(jnp.sum(jnp.square(leaf / unit)) for leaf in leaves))


def all_finite(tree):
    """Return, as a boolean array, whether no leaf holds a NaN or an infinity."""
    finite = jnp.array(True)
    for leaf in jax.tree.leaves(tree):
        if jnp.issubdtype(jnp.result_type(leaf), jnp.inexact):
            # x - x is 0 exactly if x is finite. A CPU computes this sum in one pass, while
            # ``jnp.all(jnp.isfinite(leaf))`` writes a mask first.
            finite = finite & (jnp.sum(leaf - leaf) == 0)
    return finite


def select(condition, if_true, if_false):
    """Select one of two trees of the same structure by `condition`, a scalar boolean."""
    return jax.tree.map(lambda a, b: jnp.where(condition, a, b), if_true, if_false)


def digest(named, config=None):
    """Compute the SHA-256 of named arrays and a configuration, as 64 hexadecimal digits.

    It covers the configuration as JSON with sorted keys and no spaces, then for each name in sorted
    order name, dtype, shape and the array's little-endian bytes in C order. So it is the same on
    every machine and for every file format.
    """
    total = hashlib.sha256(json.dumps(config, sort_keys=True, separators=(",", ":")).encode())
    for name in sorted(named):
        array = np.asarray(named[name])
        # newbyteorder keeps one-byte and extension dtypes (bfloat16) as they are.
        little = np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<"), copy=False))
        total.update(f"{name}\0{array.dtype.name}\0{array.shape}\0".encode())
        total.update(little.tobytes())
    return total.hexdigest()
