"""Fixtures that tests of several topics share."""

import importlib
import os
import shutil
import sys
import tempfile
from pathlib import Path

import onednn  # isort: skip # noqa: F401 (tells the compiler before JAX is imported)
import jax
import pytest

from experiments.cli.commands import run_command

# Nothing in fnnet may lean on a silent cast, a silent broadcast, or a key used twice.
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_debug_key_reuse", True)

# What one test compiles, the next one reads; commands and workers inherit the environment.
OWN_CACHE = "JAX_COMPILATION_CACHE_DIR" not in os.environ
if OWN_CACHE:
    for name, value in (
        ("jax_compilation_cache_dir", tempfile.mkdtemp(prefix="fnnet-tests-")),
        ("jax_persistent_cache_min_compile_time_secs", 0),
        ("jax_persistent_cache_min_entry_size_bytes", -1),
    ):
        jax.config.update(name, value)
        os.environ[name.upper()] = str(value)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Move files with slow tests to the front, so that no worker is left alone with one."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="module")
def unoptimised():
    """Compile with few optimisations, in this process and in those it starts.

    For files about what commands do: machine code has no part in it, and compiling it takes longer
    than running it.
    """
    name = "jax_disable_most_optimizations"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(name.upper(), "true")
        jax.config.update(name, True)
        yield
        jax.config.update(name, False)


@pytest.fixture(scope="module", autouse=True)
def _programs():
    """Free what a file compiled: workers would grow to several gigabytes."""
    yield
    jax.clear_caches()


def pytest_unconfigure():
    if OWN_CACHE:
        shutil.rmtree(os.environ["JAX_COMPILATION_CACHE_DIR"], ignore_errors=True)


@pytest.fixture
def data_root():
    """The folder of real image sets: without one a test is skipped, and fails where CI is set."""
    root = os.environ.get("FNNET_DATA")
    if root and Path(root).is_dir():
        return Path(root)
    reason = f"FNNET_DATA={root or ''} names no folder of image sets"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture
def run(monkeypatch, capfd):
    """Run a command in this process; give its exit status, output and errors."""

    def run(name, *args):
        module = importlib.import_module(f"experiments.{name}")
        monkeypatch.setattr(sys, "argv", [name, *map(str, args)])
        status, prog = 0, f"python -m experiments.{name}"
        try:
            merge = getattr(module, "merge_file", None)
            run_command(module.main, module.Config, prog=prog, merge=merge)
        except SystemExit as stop:
            status = stop.code
        return status, *capfd.readouterr()

    return run
