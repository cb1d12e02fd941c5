"""The README is tested: its example, commands, names of options, links."""

import doctest
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

import fnnet
from experiments import COMMANDS
from experiments.cli.commands import option_names

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


@pytest.mark.slow
def test_the_example_runs_and_does_what_it_says():
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    code_lines = [line for line in example.splitlines() if line.strip()]
    assert len(code_lines) <= 30
    done = subprocess.run(
        [sys.executable, "-c", example], capture_output=True, text=True, check=True
    )
    match = re.search(r"PSNR on an unseen photograph (\d+\.\d) dB", done.stdout)
    assert float(match[1]) > 18
    assert "conv_transpose2d_1" in done.stdout


def test_the_package_s_own_example_runs():
    failures, tries = doctest.testmod(fnnet)
    assert (failures, tries > 3) == (0, True)


def test_ci_runs_the_test_command_of_the_readme():
    commands = re.findall(r"^python3 -m venv .*$", README, re.MULTILINE)
    assert len(commands) == 2
    assert "pytest" in commands[1]
    assert "README.md" in (ROOT / ".ci" / "run").read_text()


def test_the_table_of_commands_is_the_list_of_commands():
    rows = re.findall(r"^\| `fnnet (\w+)[^`]*` \| (.*) \|$", README, re.MULTILINE)
    assert rows == list(COMMANDS.items())


def test_options_that_the_readme_names_exist():
    options = {
        f"--{option.replace('_', '-')}"
        for name in COMMANDS
        for option in option_names(importlib.import_module(f"experiments.{name}").Config)
    }
    named = set(re.findall(r"--[a-z][a-z-]+", README)) - {"--help"}
    assert named <= options, named - options


def test_links_and_images_are_there():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
