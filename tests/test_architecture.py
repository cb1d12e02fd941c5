"""Arrows point down only: what may import what."""

import ast
import sys
from pathlib import Path

import pytest

import experiments

ROOT = Path(__file__).parents[1]

# The commands are all that lies beside the rooms.
COMMANDS = tuple(f"experiments.{name}" for name in experiments.COMMANDS)
# Lower to higher; a module imports from lower rows only, or from its own package.
ORDER = [
    ("fnnet.core",),
    ("fnnet.random", "fnnet.trees"),
    ("fnnet.ops", "fnnet.initializers"),
    ("fnnet.layers", "fnnet.combinators"),
    ("fnnet.losses", "fnnet.metrics", "fnnet.schedules"),
    ("fnnet.optim.optimizer",),
    ("fnnet.optim.transforms",),
    ("fnnet.optim.methods",),
    ("fnnet.optim.muon",),
    ("fnnet.optim", "fnnet.summary"),
    ("fnnet.files",),
    ("fnnet.train", "fnnet.checkpoint"),
    ("fnnet.checkpoint_series",),
    ("fnnet",),
    ("experiments.system",),
    ("experiments.cli",),
    ("experiments.images",),
    ("experiments.fnn",),
    ("experiments.networks",),
    ("experiments.evaluation",),
    ("experiments.codecs",),
    ("experiments.runs",),
    ("experiments.training",),
    ("experiments.sweeps", "experiments.exploration", "experiments.benchmarks"),
    ("experiments.reporting",),
    COMMANDS,
    ("experiments",),
    ("experiments.__main__",),
]
RANK = {name: rank for rank, names in enumerate(ORDER) for name in names}
# Imported by nothing: only a benchmark's worker processes load these.
PEERS = {
    "experiments.benchmarks.in_torch": {"torch"},
    "experiments.benchmarks.in_flax": {"flax", "optax"},
}
FILES = sorted([*ROOT.glob("fnnet/**/*.py"), *ROOT.glob("experiments/**/*.py")])


def module_name(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path):
    """Every module that a file imports, by full name, functions included."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports say the full name"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def ranked(name):
    """The longest prefix of a name that has a place in the order."""
    while name and name not in RANK:
        name = name.rpartition(".")[0]
    return name


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_imports_point_downwards(path):
    here = ranked(module_name(path))
    if module_name(path).startswith("experiments."):
        assert here != "experiments", f"{path} has no place in the order"
    for name in imports(path):
        if name.split(".")[0] in ("fnnet", "experiments"):
            there = ranked(name)
            assert RANK[there] < RANK[here] or there == here, f"{path} imports {name}"


@pytest.mark.parametrize(
    "path", [path for path in FILES if "fnnet" in path.relative_to(ROOT).parts], ids=module_name
)
def test_the_framework_needs_jax_numpy_and_safetensors_only(path):
    allowed = {"fnnet", "jax", "jaxlib", "numpy", "safetensors", *sys.stdlib_module_names}
    assert {name.split(".")[0] for name in imports(path)} <= allowed


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_peers_and_prints_stay_where_they_belong(path):
    allowed = PEERS.get(module_name(path), set())
    assert not {name.split(".")[0] for name in imports(path)} & {"flax", "optax", "torch"} - allowed
    assert not {name.rpartition(".")[0] for name in imports(path)} & set(PEERS)
    assert not set(imports(path)) & set(PEERS)
    if path.is_relative_to(ROOT / "fnnet"):
        calls = [
            node.func
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Call)
        ]
        assert "print" not in {getattr(call, "id", None) for call in calls}
