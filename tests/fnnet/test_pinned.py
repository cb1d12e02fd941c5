"""Names, shapes and a checksum of every layer, pinned: a change of them is always deliberate.

``PYTHONPATH=tests/support python tests/fnnet/test_pinned.py`` writes the file anew.
"""

import json
from functools import partial
from pathlib import Path

import jax
import numpy as np
import pytest
from contracts import LAYERS, initial
from pinning import checksum

from fnnet import trees

FILE = Path(__file__).parent / "pinned.json"


def fingerprint(row):
    params, state = initial(row)
    apply = jax.jit(partial(row.make().apply, train=True))
    y, new_state = apply(params, state, row.input(), key=jax.random.key(1))
    return {
        "params": {name: list(leaf.shape) for name, leaf in trees.flatten(params).items()},
        "state": {name: list(leaf.shape) for name, leaf in trees.flatten(state).items()},
        "output": checksum(y),
        "new_state": checksum(*jax.tree.leaves(new_state)),
    }


@pytest.mark.parametrize("row", LAYERS, ids=lambda row: row.name)
def test_a_layer_is_the_one_that_was_pinned(row):
    pinned, found = json.loads(FILE.read_text())[row.name], fingerprint(row)
    for name in ("params", "state"):
        assert found[name] == pinned[name]
    for name in ("output", "new_state"):
        np.testing.assert_allclose(found[name], pinned[name], rtol=1e-4, atol=1e-4)


if __name__ == "__main__":
    FILE.write_text(json.dumps({row.name: fingerprint(row) for row in LAYERS}, indent=1) + "\n")
