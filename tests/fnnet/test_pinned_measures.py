"""Values of initialisers, losses, optimisers and schedules, pinned: a change is always deliberate.

``PYTHONPATH=tests/support python tests/fnnet/test_pinned_measures.py`` writes the file anew.
"""

import json
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from contracts_initializers import INITIALIZERS, key
from contracts_measures import LOSSES, QUICKLY, inputs_of
from contracts_training import OPTIMIZERS, SCHEDULES
from optimizer_runs import compiled
from pinning import checksum

from fnnet import trees

FILE = Path(__file__).parent / "pinned_measures.json"


def initial(name):
    return [checksum(INITIALIZERS[name]()(key(), (3, 3, 4, 8)))]


def losses_of(row):
    value = jax.jit(row.call, compiler_options=QUICKLY)
    return np.asarray(value(*inputs_of(row, jnp.float32)), np.float64).tolist()


def moved(name):
    """Checksums of the first three updates' sum, leaf by leaf."""
    _, updates, _, _ = compiled(name)
    total = jax.tree.map(lambda *leaves: sum(leaves), *updates[:3])
    return [checksum(leaf) for leaf in trees.flatten(total).values()]


def scheduled(row):
    return np.asarray(row.make(10)(jnp.arange(10)), np.float64).tolist()


VALUES = {
    **{f"initializers/{name}": partial(initial, name) for name in INITIALIZERS},
    **{f"losses/{row.name}": partial(losses_of, row) for row in LOSSES},
    **{f"optim/{name}": partial(moved, name) for name in OPTIMIZERS},
    **{f"schedules/{name}": partial(scheduled, row) for name, row in SCHEDULES.items()},
}


def test_the_file_names_what_there_is():
    assert set(json.loads(FILE.read_text())) == set(VALUES)


@pytest.mark.parametrize("name", VALUES)
def test_a_value_is_the_one_that_was_pinned(name):
    pinned = json.loads(FILE.read_text())[name]
    np.testing.assert_allclose(VALUES[name](), pinned, rtol=1e-4, atol=1e-6)


if __name__ == "__main__":
    found = {name: value() for name, value in VALUES.items()}
    FILE.write_text(json.dumps(found, indent=1) + "\n")
