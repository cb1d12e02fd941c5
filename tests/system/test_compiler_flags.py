"""The compiler is told what it needs, and computes what was written.

Several jaxlib releases do not, on CPUs: between 32,769 and 43,688 vectors (16,385 to 32,769 in
float64) they compute some reductions over the result of ``w @ x`` wrongly under jit. `experiments`
sets the flag that mends it.
"""

import os
import platform
import subprocess
import sys
from functools import partial
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import jax
import jax.numpy as jnp
import jaxlib
import numpy as np
import onednn
import pytest
from jax import lax

import fnnet as fn
from experiments.networks import architectures, configs
from experiments.networks.losses import make_loss
from experiments.system import compiler_flags
from experiments.system.hardware import instructions
from fnnet.ops import conv_lowering

JAXLIB = tuple(map(int, jaxlib.__version__.split(".")[:2]))
MENDED = "--xla_cpu_experimental_ynn_fusion_type=-reduce"
ONEDNN, ON, OFF = onednn.FLAG, onednn.ON, onednn.OFF
HAS_ONEDNN = JAXLIB == (0, 12) and (platform.system(), platform.machine()) == ("Linux", "x86_64")
needs_onednn = pytest.mark.skipif(
    not HAS_ONEDNN or "avx512f" not in instructions(),
    reason="this jaxlib has no oneDNN, or no use for it on this processor",
)


@pytest.fixture
def forms_for_onednn(monkeypatch):
    """Choose the forms of a process with oneDNN, also where a program was traced without."""
    jax.clear_caches()
    monkeypatch.setattr(conv_lowering, "has_onednn", lambda: True)
    yield
    jax.clear_caches()


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


def test_importing_experiments_sets_the_flags_and_imports_no_jax():
    code = (
        "import sys; from experiments.system import allocator, compiler_flags, hardware, locks\n"
        "assert not {'jax', 'jaxlib', 'numpy', 'fnnet'} & set(sys.modules)\n"
        "import os; print(os.environ['XLA_FLAGS'])"
    )
    flags = "--xla_force_host_platform_device_count=2"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"XLA_FLAGS": flags},
        capture_output=True,
        text=True,
        check=True,
    )
    ours = MENDED if JAXLIB < (0, 11) else ON if HAS_ONEDNN else ""
    assert done.stdout.split() == [flags, *([ours] if ours else [])]


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
        (None, "Linux", "x86_64", "--xla_a=1", ""),
    ],
)
def test_each_jaxlib_gets_the_flags_that_it_has(jaxlib, system, machine, given, added, monkeypatch):
    def version(name):
        if jaxlib is None:  # the Python of a benchmark's peer has none
            raise PackageNotFoundError(name)
        return jaxlib

    monkeypatch.setattr(compiler_flags, "version", version)
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setenv("XLA_FLAGS", given)
    compiler_flags.set_flags()
    assert os.environ["XLA_FLAGS"] == f"{given}{added}".strip()


@needs_onednn
@pytest.mark.usefixtures("forms_for_onednn")
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_convolutions_are_given_to_onednn(dtype):
    program = jax.jit(fn.ops.conv2d).lower(
        jnp.ones((2, 16, 16, 8), dtype), jnp.ones((3, 3, 8, 8), dtype)
    )
    for used in (True, False):
        text = program.compile(compiler_options={ONEDNN: used}).as_text()
        assert ("__onednn$convolution" in text) is used


def test_why_bfloat16_is_slow_is_told_with_a_way_out(monkeypatch):
    monkeypatch.setattr(compiler_flags, "version", lambda name: "0.12.0.1")
    monkeypatch.setattr("platform.system", lambda: "Linux")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    monkeypatch.setattr(compiler_flags, "instructions", lambda: "x86_64 fpu avx512f avx512_bf16")
    for flags in ("", ON, f"{OFF} {ON}", f"--{ONEDNN}=1", f"--{ONEDNN} --xla_a=1"):
        monkeypatch.setenv("XLA_FLAGS", flags)
        assert compiler_flags.why_bfloat16_is_slow() is None
    for flags in (OFF, f"{ON} {OFF}", f"--{ONEDNN}=0"):
        monkeypatch.setenv("XLA_FLAGS", flags)
        assert compiler_flags.why_bfloat16_is_slow() == (
            "XLA_FLAGS turns off --xla_cpu_experimental_onednn_custom_call, without which it is "
            "slow; use float32"
        )
    monkeypatch.setattr(compiler_flags, "instructions", lambda: "x86_64 fpu avx512f")
    assert compiler_flags.why_bfloat16_is_slow() == (
        "this CPU has no instructions for it (neither avx512_bf16 nor amx_bf16) and is faster in "
        "float32; use that"
    )
    monkeypatch.setattr(compiler_flags, "version", lambda name: "0.10.1")
    assert compiler_flags.why_bfloat16_is_slow() == (
        "on CPUs it is faster than float32 only with jaxlib 0.12 on Linux x86-64, and "
        "this is jaxlib 0.10.1 on Linux x86_64; use float32"
    )


def twice(convolve, x, kernel, other):
    """A chain in which a convolution's result is used twice."""
    y = convolve(x, kernel)
    return jnp.maximum((other - y * jax.nn.sigmoid(y)) * y, 0)


def in_space(x, kernel):
    names = ("NDHWC", "DHWIO", "NDHWC")
    y = lax.conv_general_dilated(
        x[:, None], kernel[None], (1,) * 3, "SAME", dimension_numbers=names
    )
    return y[:, 0]


@needs_onednn
@pytest.mark.usefixtures("forms_for_onednn")
def test_what_onednn_fuses_wrongly_is_kept_out_of_our_convolutions():
    draw = np.random.default_rng(0).normal
    x, other = (jnp.asarray(draw(size=(2, 8, 8, 16)), jnp.float32) for _ in range(2))
    kernel = jnp.asarray(draw(size=(3, 3, 16, 16)) / 8, jnp.float32)

    def error(convolve):
        with_onednn, without = (
            jax.jit(partial(twice, convolve), compiler_options={ONEDNN: used})(x, kernel, other)
            for used in (True, False)
        )
        return float(jnp.abs(with_onednn - without).max() / jnp.abs(without).max())

    assert error(in_space) > 0.1, "jaxlib has mended it: fnnet.ops.conv_lowering may fuse again"
    assert error(fn.ops.conv2d) < 1e-5
    # Products are given to oneDNN where the first matrix is transposed: gradients of kernels.
    x = jnp.asarray(draw(size=(2048, 256)), jnp.float32)
    kernel = jnp.asarray(draw(size=(2048, 192)) / 45, jnp.float32)
    other = jnp.asarray(draw(size=(256, 192)), jnp.float32)

    def of_dense(x, y):
        return jax.vjp(lambda kernel: fn.ops.dense(x, kernel), jnp.zeros((256, 192)))[1](y)[0]

    assert error(lambda x, y: x.T @ y) > 0.1
    assert error(of_dense) < 1e-5


@needs_onednn
def test_a_long_chain_behind_onednn_s_convolution_ends_the_process_but_not_behind_ours():
    code = (
        "import experiments, jax, jax.numpy as jnp, fnnet as fn\n"
        "from test_compiler_flags import in_space\n"
        "from fnnet.ops import conv_lowering\n"
        "assert conv_lowering.has_onednn()\n"
        "x, k = jnp.ones((1, 8, 8, 16)), jnp.ones((3, 3, 16, 16))\n"
        "others = [x + i for i in range(40)]\n"
        "chain = lambda f: jax.jit(lambda *given: sum(given[2:], start=f(*given[:2])))\n"
        "print(float(chain(fn.ops.conv2d)(x, k, *others)[0, 4, 4, 0]), flush=True)\n"
        "chain(in_space)(x, k, *others)\n"
    )
    paths = [str(Path(module.__file__).parent) for module in (onednn, sys.modules[__name__])]
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=onednn.environment() | {"PYTHONPATH": os.pathsep.join(paths)},
    )
    assert float(done.stdout) == 9 * 16 + 40 + sum(range(40))
    assert done.returncode < 0 and "could not append a binary post-op" in done.stderr


NETWORKS = [
    ("conv", {"activation": "silu"}),
    *(
        pytest.param("conv", {"activation": name}, marks=pytest.mark.slow)
        for name in ("relu", "leaky_relu", "elu", "gelu", "sigmoid", "tanh")
    ),
    pytest.param("conv", {"norm": "batch", "dropout": 0.1}, marks=pytest.mark.slow),
    pytest.param("conv", {"pooling": "max"}, marks=pytest.mark.slow),
    pytest.param("residual", {}, marks=pytest.mark.slow),
    pytest.param("shallow", {}, marks=pytest.mark.slow),
    pytest.param("mlp", {}, marks=pytest.mark.slow),
    pytest.param("conv", {"precision": "bfloat16"}, marks=pytest.mark.slow),
]


@needs_onednn
@pytest.mark.usefixtures("forms_for_onednn")
@pytest.mark.parametrize(("name", "settings"), NETWORKS)
def test_a_network_learns_the_same_with_and_without_onednn(name, settings):
    model = architectures.build(configs.configure(name, **settings))
    params, state = model.init(jax.random.key(0), (48, 48, 3))
    images = np.random.default_rng(0).integers(0, 256, (4, 48, 48, 3)).astype(np.uint8)
    loss = make_loss(model, "mse")

    def step(params, key):
        (value, _), gradient = jax.value_and_grad(loss, has_aux=True)(
            params, state, (images, images), key
        )
        return value, gradient

    with_onednn, without = (
        jax.jit(step, compiler_options={ONEDNN: used})(params, jax.random.key(1))
        for used in (True, False)
    )
    for ours, plain in zip(jax.tree.leaves(with_onednn), jax.tree.leaves(without), strict=True):
        if "precision" in settings:
            np.testing.assert_allclose(ours, plain, atol=0.05 * np.abs(plain).max())
        else:
            np.testing.assert_allclose(ours, plain, 2e-4, 2e-5 * np.abs(plain).max())
