"""The compiler is told what it needs, and computes what was written.

Several jaxlib releases do not, on CPUs: between 32,769 and 43,688 vectors (16,385 to 32,769 in
float64) they compute some reductions over the result of ``w @ x`` wrongly under jit. `experiments`
sets the flag that mends it.
"""

import os
import platform
import subprocess
import sys

import jax
import jax.numpy as jnp
import jaxlib
import numpy as np
import pytest

import fnnet as fn
from experiments import compiler
from experiments.machine import instructions

JAXLIB = tuple(map(int, jaxlib.__version__.split(".")[:2]))
MENDED = "--xla_cpu_experimental_ynn_fusion_type=-reduce"
ONEDNN = "xla_cpu_experimental_onednn_custom_call"
ON, OFF = f"--{ONEDNN}=true", f"--{ONEDNN}=false"
HAS_ONEDNN = JAXLIB >= (0, 12) and (platform.system(), platform.machine()) == ("Linux", "x86_64")
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


@pytest.mark.skipif(JAXLIB >= (0, 11), reason="this jaxlib is free of the fault")
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


# Says which flags a jaxlib (or none) gets on a platform, and that nothing imported JAX.
PRETEND = """
import importlib.metadata, os, platform, sys
jaxlib, system, machine = sys.argv[1:]
def version(name):
    if jaxlib == "none":
        raise importlib.metadata.PackageNotFoundError(name)
    return jaxlib
importlib.metadata.version = version
platform.system, platform.machine = lambda: system, lambda: machine
from experiments import compiler
assert not {"jax", "jaxlib", "numpy"} & set(sys.modules)
print(os.environ["XLA_FLAGS"])
"""


@pytest.mark.parametrize(
    ("jaxlib", "system", "machine", "given", "added"),
    [
        ("0.10.1", "Linux", "x86_64", "", MENDED),
        ("0.10.1", "Linux", "x86_64", "--xla_a=1", f" {MENDED}"),
        ("0.10.1", "Darwin", "arm64", "", MENDED),
        ("0.10.1", "Linux", "x86_64", "--xla_cpu_experimental_ynn_fusion_type=", ""),
        ("0.11.0", "Linux", "x86_64", "", ""),
        ("0.12.0.1", "Linux", "x86_64", "", ON),
        ("0.12.0.1", "Linux", "x86_64", "--xla_a=1", f" {ON}"),
        ("0.13.0", "Linux", "x86_64", "--xla_a=1", ""),
        ("0.12.0.1", "Linux", "x86_64", OFF, ""),
        ("0.12.0.1", "Linux", "x86_64", ON, ""),
        ("0.12.0.1", "Linux", "aarch64", "", ""),
        ("0.12.0.1", "Darwin", "x86_64", "", ""),
        ("0.12.0.1", "Windows", "AMD64", "", ""),
        ("none", "Linux", "x86_64", "--xla_a=1", ""),
    ],
)
def test_each_jaxlib_is_told_what_it_knows(jaxlib, system, machine, given, added):
    done = subprocess.run(
        [sys.executable, "-c", PRETEND, jaxlib, system, machine],
        env=os.environ | {"XLA_FLAGS": given},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"{given}{added}\n"


@pytest.mark.skipif(
    not HAS_ONEDNN or "avx512f" not in instructions(),
    reason="this jaxlib has no oneDNN, or no use for it on this processor",
)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_convolutions_are_given_to_onednn(dtype):
    program = jax.jit(fn.ops.conv2d).lower(
        jnp.ones((2, 16, 16, 8), dtype), jnp.ones((3, 3, 8, 8), dtype)
    )
    assert "__onednn$convolution" in program.compile().as_text()


def test_why_bfloat16_is_slow_is_told_with_a_way_out(monkeypatch):
    monkeypatch.setattr(compiler, "version", lambda name: "0.12.0.1")
    monkeypatch.setattr("platform.system", lambda: "Linux")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    monkeypatch.setattr(compiler, "instructions", lambda: "x86_64 fpu avx512f avx512_bf16")
    for flags in ("", ON, f"{OFF} {ON}", f"--{ONEDNN}=1", f"--{ONEDNN} --xla_a=1"):
        monkeypatch.setenv("XLA_FLAGS", flags)
        assert compiler.why_bfloat16_is_slow() is None
    for flags in (OFF, f"{ON} {OFF}", f"--{ONEDNN}=0"):
        monkeypatch.setenv("XLA_FLAGS", flags)
        assert compiler.why_bfloat16_is_slow() == (
            "XLA_FLAGS turns off --xla_cpu_experimental_onednn_custom_call, without which it is "
            "slow; use float32"
        )
    monkeypatch.setattr(compiler, "instructions", lambda: "x86_64 fpu avx512f")
    assert compiler.why_bfloat16_is_slow() == (
        "this CPU has no instructions for it (neither avx512_bf16 nor amx_bf16) and is faster in "
        "float32; use that"
    )
    monkeypatch.setattr(compiler, "version", lambda name: "0.10.1")
    assert compiler.why_bfloat16_is_slow() == (
        "on CPUs it is faster than float32 only with jaxlib 0.12 on Linux x86-64, and "
        "this is jaxlib 0.10.1 on Linux x86_64; use float32"
    )
