"""Trees to save, comparisons and failures for tests of files and checkpoints."""

import collections
import os
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnnet.checkpoint import CheckpointError

ROOT = Path(__file__).parents[2]
posix = pytest.mark.skipif(os.name == "nt", reason="signals, limits and modes are POSIX")

Moments = collections.namedtuple("Moments", ["first", "second"])


def small_tree(step=0):
    """A training state with a dict, a tuple and a named tuple in it."""
    return {
        "params": {"encoder": {"conv2d_0": {"kernel": jnp.full((2, 3), step + 0.5)}}},
        "state": ({"mean": jnp.full((3,), step, jnp.bfloat16)},),
        "opt": Moments(jnp.full((2,), step, jnp.float32), jnp.zeros((0, 2))),
        "step": jnp.asarray(step, jnp.int32),
    }


def assert_same_bits(tree, other):
    assert jax.tree.structure(tree) == jax.tree.structure(other)
    for a, b in zip(jax.tree.leaves(tree), jax.tree.leaves(other), strict=True):
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes()


def refusal(call, *args):
    """Return the sentence of the `CheckpointError` that a call raises: one line, not empty."""
    with pytest.raises(CheckpointError) as caught:
        call(*args)
    sentence = str(caught.value)
    assert sentence
    assert sentence.isprintable()
    return sentence


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def leftovers(folder):
    return [path.name for path in folder.iterdir() if path.name.endswith(".tmp")]


def fail_at(monkeypatch, function, error):
    def fail(*args, **kwargs):
        raise error

    monkeypatch.setattr(os, function, fail)
