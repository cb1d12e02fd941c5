"""The compiler computes what was written: several jaxlib releases do not, on CPUs.

Between 32,769 and 43,688 vectors (16,385 to 32,769 in float64) they compute some reductions over
the result of ``w @ x`` wrongly under jit. `experiments` sets the flag that mends it.
"""

import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import jaxlib
import numpy as np
import pytest

FORMS = {
    "sum": lambda w, x: jax.vmap(lambda v: jnp.sum(w @ v))(x),
    "max": lambda w, x: jax.vmap(lambda v: jnp.max(w @ v))(x),
    "matrix": lambda w, x: jnp.sum(w @ x.T, 0),
    "squares": lambda w, x: jax.vmap(lambda v: jnp.sum((w @ v) ** 2))(x),
    "tanh": lambda w, x: jax.vmap(lambda v: jnp.sum(jnp.tanh(w @ v)))(x),
}
ORACLES = {
    "sum": lambda w, x: (x @ w.T).sum(-1),
    "max": lambda w, x: (x @ w.T).max(-1),
    "matrix": lambda w, x: (x @ w.T).sum(-1),
    "squares": lambda w, x: ((x @ w.T) ** 2).sum(-1),
    "tanh": lambda w, x: np.tanh(x @ w.T).sum(-1),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("count", "dtype"),
    [(32_769, "float32"), (40_000, "float32"), (16_385, "float64"), (20_000, "float64")],
)
def test_reductions_over_many_short_vectors_are_right(form, count, dtype):
    with jax.enable_x64(dtype == "float64"):
        rng = np.random.default_rng(0)  # with ones for data the wrong result is right by luck
        w, x = rng.normal(size=(3, 3)).astype(dtype), rng.normal(size=(count, 3)).astype(dtype)
        found = jax.jit(FORMS[form])(w, x)
        np.testing.assert_allclose(found, ORACLES[form](w, x), atol=1e-3)


FAULT = """
import jax, jax.numpy as jnp, numpy as np
rng = np.random.default_rng(0)
w, x = rng.normal(size=(3, 3)).astype("f"), rng.normal(size=(40_000, 3)).astype("f")
y = jax.jit(lambda x: jax.vmap(lambda v: jnp.sum(w @ v))(x))(x)
print(float(abs(y - (x @ w.T).sum(-1)).max()))
"""


@pytest.mark.skipif(
    tuple(map(int, jaxlib.__version__.split(".")[:2])) >= (0, 11),
    reason="this jaxlib is free of the fault",
)
def test_without_the_flag_the_guard_would_bite():
    environment = {name: value for name, value in os.environ.items() if name != "XLA_FLAGS"}
    done = subprocess.run(
        [sys.executable, "-c", FAULT], env=environment, capture_output=True, text=True, check=True
    )
    assert float(done.stdout) > 1


def test_the_worst_release_is_refused_on_import():
    code = (
        "import jaxlib; jaxlib.__version__ = '0.10.2'\n"
        "try:\n    import fnnet\n"
        "except ImportError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == (
        "jaxlib 0.10.2 computes wrong values on CPUs; install another release: "
        "pip install 'jax>=0.12' on Python 3.12 or newer, pip install 'jax==0.10.1' on 3.11\n"
    )
