"""Compiled programs on disk: the next start compiles nothing, and no trouble stops a command."""

import json
import os
import re
import socket
import stat
import subprocess
import sys
from pathlib import Path

import onednn
import pytest

from experiments.system import compilation_cache

ROOT = Path(__file__).parents[2]
SLOW = pytest.mark.slow
LIMITED = pytest.mark.skipif(os.name == "nt", reason="Windows has no limit on a file's size")

# Runs a command and tells, last, how many programs it needed and how many were read.
COUNTED = """
import collections, json, runpy, sys
import experiments, jax
counted = collections.Counter()
count = lambda event, *_, **__: counted.update([event.rsplit("/")[-1]])
jax.monitoring.register_event_listener(count)
jax.monitoring.register_event_duration_secs_listener(count)
runpy.run_module(f"experiments.{sys.argv.pop(1)}", run_name="__main__", alter_sys=True)
print(json.dumps([counted["backend_compile_duration"], counted["cache_hits"]]))
"""
# A command of two small programs; its argument limits the size of files.
SMALL = """
import sys
if (limit := int(sys.argv.pop(1))) >= 0:
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
from dataclasses import dataclass
import experiments, jax
from experiments.cli.commands import run_command
hits = []
listen = lambda event, **_: hits.append(event.endswith("/cache_hits"))
jax.monitoring.register_event_listener(listen)

@dataclass
class Config:
    "Nothing."

def main(config):
    x = jax.numpy.arange(3.0)
    print(jax.jit(lambda x: x @ x)(x), jax.jit(lambda x: x + 1)(x), sum(hits))

run_command(main, Config, prog="small")
"""


def environment(cache, **given):
    """Of a command that keeps its programs, all of them: oneDNN's cannot be kept."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("JAX_")}
    own["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "").replace(onednn.ON, onednn.OFF)
    return own | {"XDG_CACHE_HOME": str(cache)} | given


def start(code, *args, env, **options):
    command = [sys.executable, "-c", code, *map(str, args)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, env=env, cwd=ROOT, **pipes, **options)


def counts(process):
    """Wait for a counted command; give how many programs it needed and how many it read."""
    output, errors = process.communicate(timeout=300)
    assert (process.returncode, errors) == (0, "")
    return json.loads(output.splitlines()[-1])


def small(env, limit=-1):
    """Run the small command; give how many programs it read, and its errors."""
    process = start(SMALL, limit, env=env)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0 and output.startswith("5.0 [1. 2. 3.] "), errors
    return int(output.split()[-1]), errors


def entries(cache):
    return sorted((cache / "fnnet" / "compiled").glob("*/*-cache"))


def test_a_second_start_of_training_compiles_nothing(tmp_path):
    env = environment(tmp_path)
    needed, read = counts(start(COUNTED, "train", "--tiny", "--out", tmp_path / "a", env=env))
    assert needed > 50 and read == 0
    kept = {path: path.stat().st_mtime_ns for path in entries(tmp_path)}
    assert len(kept) == needed
    # Another seed: neither keys nor weights are written into a program.
    args = ("train", "--tiny", "--seed", 1, "--out", tmp_path / "b")
    assert counts(start(COUNTED, *args, env=env)) == [needed, needed]
    assert {path: path.stat().st_mtime_ns for path in entries(tmp_path)} == kept


@pytest.mark.skipif(not onednn.USED, reason="here nothing is oneDNN's")
@SLOW
def test_a_second_start_compiles_nothing_but_what_onednn_has_a_part_in(tmp_path):
    env = environment(tmp_path) | {"XLA_FLAGS": onednn.environment()["XLA_FLAGS"]}
    for name in "ab":
        args = ("train", "--tiny", "--out", tmp_path / name)
        needed, read = counts(start(COUNTED, *args, env=env))
        kept = len(entries(tmp_path))
    # The step, the watched batch, and the two halves of the network on images of each size.
    assert read == kept and 1 <= needed - kept <= 12


@SLOW
def test_a_second_start_on_four_devices_compiles_nothing(tmp_path):
    flags = "--xla_force_host_platform_device_count=4"
    env = environment(tmp_path)
    env["XLA_FLAGS"] = f"{env.get('XLA_FLAGS', '')} {flags}".strip()
    for name in "ab":
        args = ("train", "--tiny", "--devices", 4, "--out", tmp_path / name)
        needed, read = counts(start(COUNTED, *args, env=env))
    assert needed == read > 50


@SLOW
def test_processes_that_train_together_read_what_the_first_one_kept(tmp_path):
    for name in "ab":
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{listener.getsockname()[1]}"
        joining = ("--distributed", "--coordinator-address", address, "--num-processes", 2)
        args = ("train", "--tiny", "--out", tmp_path / name, *joining, "--process-id")
        first, second = [start(COUNTED, *args, n, env=environment(tmp_path)) for n in (0, 1)]
        needed, read = counts(first)
        _, errors = second.communicate(timeout=60)
        assert (second.returncode, errors) == (0, "")
    assert needed == read > 50
    losses = [
        re.findall(r'"loss": ([\d.e-]+)', (tmp_path / name / "metrics.jsonl").read_text())
        for name in "ab"
    ]
    assert losses[0] == losses[1] and len(losses[0]) == 12


def test_a_folder_is_for_one_processor_and_its_user(tmp_path, monkeypatch):
    assert small(environment(tmp_path)) == (0, "")
    (folder,) = (tmp_path / "fnnet" / "compiled").iterdir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert compilation_cache._folder() == folder
    if os.name != "nt":
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    monkeypatch.setattr(compilation_cache, "instructions", lambda: "another")
    assert (
        compilation_cache._folder() != folder
        and compilation_cache._folder().parent == folder.parent
    )
    assert re.fullmatch(r"[0-9a-f]{16}-jaxlib[\d.]+-python3\.\d+", folder.name)


def test_a_damaged_entry_is_compiled_again_and_mended(tmp_path):
    env = environment(tmp_path)
    small(env)
    needed = len(entries(tmp_path))
    assert small(env) == (needed, "")
    for path in entries(tmp_path):
        path.write_bytes(path.read_bytes()[:100])  # torn by a kill
    assert small(env) == (0, "")
    assert small(env) == (needed, "")
    for path in entries(tmp_path):
        path.write_bytes(b"")
    assert small(env) == (0, "")
    assert small(env) == (needed, "")


def test_a_folder_that_cannot_be_made_is_told_once(tmp_path):
    (tmp_path / "fnnet").write_text("mine")
    read, errors = small(environment(tmp_path))
    assert read == 0
    assert re.fullmatch(
        rf"note: {tmp_path}/fnnet/compiled/\S+: could not be made: Not a directory; each start "
        r"compiles its programs anew\n",
        errors,
    )


@LIMITED
def test_a_full_disk_is_told_once_and_leaves_nothing_to_stumble_over(tmp_path):
    env = environment(tmp_path)
    read, errors = small(env, limit=100)
    assert read == 0
    assert re.fullmatch(
        rf"note: {tmp_path}/fnnet/compiled/\S+: could not be written: File too large; the next "
        r"start compiles its programs anew\n",
        errors,
    )
    small(env)
    read, errors = small(env)
    assert read == len(entries(tmp_path)) > 2 and errors == ""


def test_the_user_s_own_choice_is_kept(tmp_path):
    mine = tmp_path / "mine"
    small(environment(tmp_path, JAX_COMPILATION_CACHE_DIR=str(mine)))
    small(environment(tmp_path, JAX_ENABLE_COMPILATION_CACHE="false"))
    assert not (tmp_path / "fnnet").exists()
    small(environment(tmp_path, JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS="1000"))
    assert (tmp_path / "fnnet").exists() and not entries(tmp_path)


def test_a_warning_about_another_folder_is_not_ours(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    warning = "Error reading persistent compilation cache entry for 'jit_f': error: torn"
    assert (
        compilation_cache.handle(warning) is None
        and compilation_cache.handle("another thing") is None
    )
    beyond_jaxlib = "Error writing persistent compilation cache entry for 'jit_f': MemoryError: "
    assert compilation_cache.handle(f"{beyond_jaxlib}std::bad_alloc") == ""


def test_what_was_read_longest_ago_goes_where_there_is_too_much(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(compilation_cache, "_LIMIT", 1000)
    folder = tmp_path / "fnnet" / "compiled" / "another"
    folder.mkdir(parents=True)
    for age in range(10):
        (folder / f"{age}-cache").write_bytes(bytes(100))
        os.utime(folder / f"{age}-cache", (1e9 - age, 1e9))
    compilation_cache._evict()
    assert len(list(folder.iterdir())) == 10
    (folder / "more-cache").write_bytes(bytes(1))
    compilation_cache._evict()
    assert {path.name for path in folder.iterdir()} == {
        *("more-cache", "0-cache", "1-cache", "2-cache", "3-cache")
    }


def test_clear_cache_removes_the_programs_and_nothing_else(run, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    compiled, points = tmp_path / "fnnet" / "compiled", tmp_path / "fnnet" / "classical"
    for path in (compiled / "one" / "a", compiled / "two" / "b", points / "c"):
        path.parent.mkdir(parents=True)
        path.write_bytes(bytes(1000))
    assert run("clear_cache") == (0, f"removed 2 files, 2,000 bytes in {compiled}\n", "")
    assert not compiled.exists() and (points / "c").exists()
    assert run("clear_cache") == (0, f"nothing to remove in {compiled}\n", "")
    compiled.symlink_to(points)
    status, output, errors = run("clear_cache")
    assert (status, output) == (2, "") and (points / "c").exists()
    assert errors.startswith(f"error: {compiled}: could not be removed: ")
