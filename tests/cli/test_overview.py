"""``fnnet`` and ``python -m experiments``: the list of commands, and running one by its name."""

import os
import pkgutil
import re
import runpy
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import experiments
from experiments.__main__ import main

ROOT = Path(__file__).parents[2]


@pytest.fixture
def fnnet(monkeypatch, capsys):
    """Call the entry function with arguments; return its exit status, output and errors."""

    def call(*args):
        monkeypatch.setattr(sys, "argv", ["fnnet", *args])
        status = 0
        try:
            main()
        except SystemExit as stop:
            status = stop.code
        return status, *capsys.readouterr()

    return call


@pytest.mark.parametrize("args", [(), ("--help",), ("-h",)])
def test_every_command_is_listed(fnnet, args):
    status, output, errors = fnnet(*args)
    modules = (ROOT / "experiments").glob("*.py")
    commands = {path.stem for path in modules if "run_command(main, Config" in path.read_text()}
    assert (status, errors, set(experiments.COMMANDS)) == (0, "", commands)
    for name, description in experiments.COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(description)}$", output, re.MULTILINE)


def test_the_console_script_calls_this_function():
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert {name: pkgutil.resolve_name(entry) for name, entry in scripts.items()} == {"fnnet": main}


def test_a_command_is_run_with_the_arguments_behind_its_name(fnnet, monkeypatch):
    calls = []
    monkeypatch.setattr(
        runpy, "run_module", lambda *args, **options: calls.append((args, options, sys.argv))
    )
    assert fnnet("train", "--tiny", "--steps", "3") == (0, "", "")
    options = {"run_name": "__main__", "alter_sys": True}
    assert calls == [(("experiments.train",), options, ["fnnet", "--tiny", "--steps", "3"])]


def test_a_command_runs_by_its_name_in_a_process_of_its_own(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "experiments", "clear_cache"],
        env=os.environ | {"XDG_CACHE_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"nothing to remove in {tmp_path}/fnnet/compiled\n"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("trian", "did you mean train?"),
        ("clear-cache", "did you mean clear_cache?"),
        ("xyzzy", f"there are {', '.join(experiments.COMMANDS)}"),
    ],
)
def test_an_unknown_name_gets_one_sentence(fnnet, name, hint):
    assert fnnet(name) == (2, "", f"error: unknown command {name}; {hint}\n")
