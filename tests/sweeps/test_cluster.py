"""Sweeps on a cluster of Ray's, here one of this machine's own."""

import importlib.util
import os
import signal
import subprocess
import sys
from dataclasses import replace

import pytest
from sweep_builders import material, put_sets, trial

from experiments.sweeps import cluster, records
from experiments.sweeps.running import run_trial
from experiments.sweeps.sweep import sweep
from experiments.system.errors import RunError

pytestmark = pytest.mark.usefixtures("unoptimised")
needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="Ray is not installed: pip install '.[cluster]'"
)
IMAGES = material()


@needs_ray
def test_a_worker_that_is_killed_leads_to_neither_a_double_nor_a_missing_record(tmp_path):
    mark, path = tmp_path / "killed", tmp_path / "r.jsonl"

    def run(one, images):
        if one.seed == 1 and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return run_trial(one, images)

    trials = [replace(trial(IMAGES), seed=seed) for seed in range(3)]
    with cluster.on_ray(run=run) as execute:
        ended = list(sweep(trials, path, {}, IMAGES, execute))
    assert mark.exists()
    found, faults = records.read(path)
    assert not faults and len(path.read_text().splitlines()) == len(ended) == 3
    assert {record.identity for record in found} == {each.identity for each in trials}
    assert all(record.status == "finished" for record in found)


@needs_ray
def test_a_worker_that_is_always_lost_and_an_error_end_the_sweep_in_a_sentence(tmp_path):
    count = tmp_path / "count"
    count.touch()

    def lost(one, images):
        with count.open("a") as file:
            file.write("x")
        os.kill(os.getpid(), signal.SIGKILL)

    def failing(one, images):
        raise RunError("it cannot be")

    for run, sentence in (
        (lost, "activation=silu seed 0: its worker was lost 4 times; is there enough memory?"),
        (failing, "it cannot be"),
    ):
        with pytest.raises(RunError) as error, cluster.on_ray(run=run) as execute:
            list(execute([trial(IMAGES)], IMAGES))
        assert str(error.value) == sentence
    assert count.read_text() == "xxxx"


@needs_ray
def test_a_command_on_a_cluster_prints_what_one_alone_does(tmp_path):
    options = ("--axis", "loss", "--budget", "tiny", "--seeds", "1", "--executor", "ray")
    words = [sys.executable, "-m", "experiments.ablate", *options, *put_sets(tmp_path)]
    done = subprocess.run(
        [*words, "--records", str(tmp_path / "r.jsonl")], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert lines[0] == "2 runs to do" and lines[1].startswith("1/2 loss=")
    found, _ = records.read(tmp_path / "r.jsonl")
    assert [record.status for record in found] == ["finished"] * 2


@needs_ray
@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("nowhere", "--address nowhere: must be auto, host:port or ray://host:port"),
        ("127.0.0.1:1", "--address 127.0.0.1:1: nobody answers there"),
        ("ray://127.0.0.1:1", "--address ray://127.0.0.1:1: nobody answers there"),
    ],
)
def test_a_cluster_that_is_not_there_is_named(address, sentence):
    with pytest.raises(RunError) as error, cluster.on_ray(address):
        pass
    assert str(error.value) == sentence


def test_without_ray_one_sentence_says_what_to_install(run, monkeypatch, tmp_path):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    status, _, errors = run("ablate", "--executor", "ray", "--records", tmp_path / "records.jsonl")
    assert status == 2
    assert errors == (
        "error: --executor ray: Ray is not installed; pip install 'fnnet[cluster]' brings it\n"
    )
