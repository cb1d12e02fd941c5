"""The command that varies one thing at a time."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
import record_builders as build
from PIL import Image
from skimage import data
from sweep_builders import put_sets, without_times

from experiments import ablate
from experiments.sweeps import records
from experiments.sweeps.table import axis_table, line
from experiments.system.environment import environment

pytestmark = pytest.mark.usefixtures("unoptimised")
OPTIONS = ("--axis", "schedule", "--budget", "tiny", "--seeds", "1")


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    """Sets of small crops, of one photograph to train on and of another to test on."""
    return put_sets(tmp_path_factory.mktemp("sets"))


def read(path):
    found, faults = records.read(path)
    assert not faults
    return {record.identity: without_times(record) for record in found}


@pytest.mark.slow
def test_a_sweep_that_is_killed_goes_on_with_the_numbers_of_an_unbroken_one(run, sets, tmp_path):
    killed, whole = tmp_path / "killed.jsonl", tmp_path / "whole.jsonl"
    options = (*OPTIONS, *sets)
    words = [sys.executable, "-m", "experiments.ablate", *options, "--records", str(killed)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 100
    while not (killed.exists() and killed.stat().st_size):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    process.kill()
    process.communicate()
    before = killed.read_bytes()
    assert len(before.splitlines()) == 1

    status, said, errors = run("ablate", *options, "--records", killed)
    assert status == 0, errors
    assert said.startswith(f"1 run to do; 1 other in {killed}\n1/1 schedule=linear seed 0: ")
    assert "cosine (baseline)" in said and "linear" in said
    assert killed.read_bytes().startswith(before)

    status, _, errors = run("ablate", *options, "--records", whole)
    assert status == 0, errors
    assert read(killed) == read(whole)
    assert len(killed.read_text().splitlines()) == len(whole.read_text().splitlines()) == 2

    status, said, _ = run("ablate", *options, "--records", whole)
    assert status == 0 and said.startswith(f"0 runs to do; 2 others in {whole}\n")


def error_of(result):
    status, _, errors = result
    assert status == 2, errors
    last = errors.strip().split("\n")[-1]
    assert last.startswith("error: ")
    return last.removeprefix("error: ")


def test_records_of_other_versions_are_told_of(monkeypatch, capsys):
    here = environment()
    monkeypatch.setattr(ablate, "environment", lambda: here | {"jax": "0.1"})
    others = [build.record(environment=each) for each in (here, here | {"cores": None})]
    ablate._note_changes(others)
    assert capsys.readouterr().err == (
        f"note: jax was {here['jax']} for some of these records and is 0.1 now\n"
        f"note: cores was None for some of these records and is {here['cores']} now\n"
    )


def test_an_unknown_axis_is_answered_with_those_there_are(run, tmp_path):
    path = tmp_path / "r.jsonl"
    assert error_of(run("ablate", "--axis", "activations", "--records", path)) == (
        "--axis activations: must be one of depth, width, activation, dropout, norm, bottleneck, "
        "pooling, optimizer, learning_rate, schedule, loss, pictures, latents, task; did you mean "
        "activation?"
    )
    assert not path.exists()


def test_a_photograph_on_both_sides_is_refused(run, tmp_path):
    path = tmp_path / "mine"
    path.mkdir()
    Image.fromarray(data.astronaut()).save(path / "portrait.jpg", quality=90)
    said = error_of(run("ablate", "--test", path, "--records", tmp_path / "r.jsonl"))
    assert said.startswith(
        "1 of 1 images of the set mine to test on are in the set embedded to train on: portrait "
        "(astronaut, looks the same, distance "
    )
    said = error_of(run("ablate", "--data", path, "--test", path))
    assert said.startswith("1 of 1 images of the set mine to test on are in the set mine")


def test_a_set_alone_is_split_by_scene(run, tmp_path):
    _, folder = put_sets(tmp_path)[:2]
    path = tmp_path / "r.jsonl"
    status, _, errors = run("ablate", *OPTIONS, "--seeds", 1, "--data", folder, "--records", path)
    assert status == 0, errors
    record = json.loads(path.read_text().splitlines()[0])
    assert record["trial"]["data"] == {"train": "these", "test": "these", "pictures": 2}
    tested = {image["name"] for image in record["held_out"]}
    trained_on = {image["name"] for image in record["trained_on"]}
    assert len(tested) == 1 and len(tested | trained_on) == 3


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--budgets", "tiny"), "unknown option --budgets; did you mean --budget?"),
        (("--axis", "norm", "--sed", "3"), "unknown option --sed; did you mean --seeds?"),
        (("--seeds", "0"), "--seeds 0: must be at least 1"),
        (("--address", "a:1"), "--address a:1: goes with --executor ray"),
    ],
)
def test_options_that_cannot_be_are_refused(run, options, sentence):
    assert error_of(run("ablate", *options)) == sentence


def test_a_file_of_records_that_cannot_be_written_is_refused_before_any_work(run, tmp_path):
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "r.jsonl"
    assert str(path) in error_of(run("ablate", *OPTIONS, "--records", path))
    path = tmp_path / "r.jsonl"
    path.write_text('{"format": 1}\n')
    said = error_of(run("ablate", *OPTIONS, "--records", path))
    assert said.startswith(f"{path}, line 1: Object missing required field `kind`; take that ")


def test_ctrl_c_says_how_to_go_on(run, tmp_path, monkeypatch):
    def interrupted(trials, material):
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr(ablate, "one_by_one", interrupted)
    path = tmp_path / "my records.jsonl"
    status, _, errors = run("ablate", *OPTIONS, "--records", path)
    assert status == 130
    assert errors == (
        "stopped; 2 runs to do; go on with: python -m experiments.ablate --axis schedule "
        f"--budget tiny --seeds 1 --records '{path}'\n"
    )
    assert path.read_text() == ""


@pytest.mark.slow
def test_ctrl_c_in_the_middle_of_a_run_leaves_no_trace(sets, tmp_path):
    words = [sys.executable, "-m", "experiments.ablate", *OPTIONS, *sets]
    process = subprocess.Popen(
        [*words, "--records", str(tmp_path / "r.jsonl")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout.readline() == "2 runs to do\n"
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=100)
    assert process.returncode == 130
    last = errors.strip().split("\n")[-1]
    assert last.startswith("stopped; 2 runs to do; go on with: python -m experiments.ablate ")
    assert "Traceback" not in errors


def test_a_record_that_diverged_is_counted_and_in_no_mean():
    image = build.image("p", psnr=30.0, jpeg_psnr=28.0, file_bytes=1000, pixels=8000)
    good = build.record("a", "x", baseline=True, seconds=2.0, held_out=(image,))
    bad = replace(good, status="diverged", steps=7, held_out=())
    table = axis_table("a", [good, bad])
    assert [list(column.cells) for column in table.columns] == [
        *(["x (baseline)"], ["2"], ["1"], ["30.00"], ["+2.00"], ["1.000"], ["2.0"])
    ]
    assert line(bad) == "a=x seed 0: diverged after 7 steps"
    assert line(good) == (
        "a=x seed 0: 30.00 dB, +2.00 dB to JPEG, 1.000 bits per pixel, 2.0 s of training"
    )
    emulated = build.change_trial(good, task="emulate")
    assert "JPEG" not in line(emulated)
