"""Training in several processes: joined over loopback, killed, stopped, and refused."""

import functools
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from image_builders import noise
from options import train_config
from PIL import Image

from experiments import train
from experiments.system.errors import RunError
from experiments.system.storage import read_metrics
from experiments.training import multihost

pytestmark = pytest.mark.usefixtures("unoptimised")
SLOW = pytest.mark.slow
ROOT = Path(__file__).parents[2]
SETTINGS = {"model": "mlp", "depth": 1, "width": 8, "patch": 16, "batch": 8}
SETTINGS |= {"norm": "batch", "dropout": 0.1, "save_seconds": 0.2}
SMALL = [
    word for name, value in SETTINGS.items() for word in (f"--{name.replace('_', '-')}", value)
]
# What JAX's own runtime says when process 0 is lost, where it is quicker than our sentence.
LOST = r"lost another process of the run; start all again with --resume|another task died"


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def images(folder):
    folder.mkdir()
    for index in range(3):
        Image.fromarray(noise(40, 48, seed=index)).save(folder / f"{index}.png")
    return folder


def start(count, *args, numbers=None, join_seconds=60):
    """Start processes that join at a port of their own."""
    address = f"127.0.0.1:{free_port()}"
    joining = ("--distributed", "--coordinator-address", address, "--num-processes", count)
    joining += ("--join-seconds", join_seconds)
    command = [sys.executable, "-m", "experiments.train", *args, *joining]
    return [
        subprocess.Popen(
            [*map(str, command), "--process-id", str(number)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        for number in (range(count) if numbers is None else numbers)
    ]


def ends(started, seconds=120):
    """Wait for processes; give each one's exit status, output and errors."""
    said = [process.communicate(timeout=seconds) for process in started]
    return [(process.returncode, *texts) for process, texts in zip(started, said, strict=True)]


def wait_for_lines(folder, count, started, seconds=120):
    path = folder / "metrics.jsonl"
    for _ in range(int(seconds / 0.05)):
        if path.exists() and path.read_bytes().count(b"\n") >= count:
            return
        assert all(process.poll() is None for process in started), ends(started)
        time.sleep(0.05)
    raise AssertionError(f"{path} has no {count} lines after {seconds} s")


def learned(folder, name="loss"):
    return [row[name] for row in read_metrics(folder / "metrics.jsonl")]


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """Train in this process, once for each number of steps: ``steps -> (options, losses)``."""
    folder = tmp_path_factory.mktemp("alone")
    images(folder / "pictures")

    @functools.cache
    def trained(steps):
        data = {"steps": steps, "data": str(folder / "pictures")}
        train.main(train_config(**SETTINGS, **data, out=folder / str(steps)))
        return [*SMALL, "--steps", steps, "--data", data["data"]], learned(folder / str(steps))

    return trained


@SLOW
@pytest.mark.parametrize("count", [2, 4])
def test_processes_learn_what_one_does_and_the_first_alone_speaks(count, alone, tmp_path):
    options, losses = alone(6)
    first, *others = ends(start(count, *options, "--out", tmp_path / "several"))
    assert first[0] == 0 and "written to" in first[1], first
    assert others == [(0, "", "")] * (count - 1)
    np.testing.assert_allclose(learned(tmp_path / "several"), losses, rtol=1e-4)
    record = json.loads((tmp_path / "several" / "record.json").read_text())
    (session,) = record["sessions"]
    assert session["environment"]["devices"] == session["environment"]["processes"] == count


@SLOW
@pytest.mark.parametrize("victim", [0, 1])
def test_a_killed_process_ends_the_others_and_the_run_goes_on(victim, alone, tmp_path):
    options, losses = alone(400)
    folder = tmp_path / "run"
    started = start(2, *options, "--out", folder)
    wait_for_lines(folder, 30, started)
    started[victim].send_signal(signal.SIGKILL)
    began = time.perf_counter()
    status, _, errors = ends(started, seconds=60)[1 - victim]
    assert time.perf_counter() - began < 45
    assert status != 0 and re.search(LOST, errors), errors
    if victim == 1:  # the runtime's own service was process 0's, and still is
        assert status == 2 and errors.count("\n") == 1
    first, second = ends(start(2, "--resume", folder))
    assert first[0] == 0 and second == (0, "", ""), first
    assert learned(folder, "step") == list(range(1, 401))
    np.testing.assert_allclose(learned(folder)[:60], losses[:60], rtol=1e-2)


@SLOW
@pytest.mark.parametrize(("number", "stopped"), [(signal.SIGTERM, 1), (signal.SIGINT, 0)])
def test_one_that_is_asked_to_stop_stops_all_at_one_step(number, stopped, run, tmp_path):
    options = (*SMALL, "--steps", 100_000, "--data", images(tmp_path / "pictures"))
    folder = tmp_path / "run"
    started = start(2, *options, "--out", folder)
    wait_for_lines(folder, 5, started)
    started[stopped].send_signal(number)
    first, second = ends(started, seconds=60)
    # JAX may log that it caught the signal.
    said = [re.sub(r"^W\d+ .*SIGTERM caught.*\n", "", result[2]) for result in (first, second)]
    go_on = f"stopped; go on with: python -m experiments.train --resume {folder}\n"
    assert (first[0], second[0], second[1]) == (130, 130, "") and said == [go_on, ""]
    last = learned(folder, "step")[-1]
    assert (folder / f"checkpoint-{last:08d}.safetensors").exists()
    # On one device it takes the same options from the folder.
    config = folder / "config.json"
    config.write_text(config.read_text().replace("100000", str(last + 2)))
    status, _, notes = run("train", "--resume", folder)
    assert status == 0 and learned(folder, "step")[-1] == last + 2
    assert "note: processes was 2 in an earlier part of the run and is 1 now" in notes


@SLOW
def test_what_one_process_finds_wrong_is_told_by_all(tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("")
    sentence = f"error: {tmp_path / 'full'}: is not empty; choose another --out\n"
    for result in ends(start(2, "--tiny", "--out", tmp_path / "full")):
        assert result == (2, "", sentence)
    sentence = "error: --batch 3: must be a multiple of the 2 devices\n"
    for result in ends(start(2, "--tiny", "--batch", 3, "--out", tmp_path / "run")):
        assert result == (2, "", sentence)
    assert not (tmp_path / "run").exists()


@SLOW
def test_those_who_do_not_come_are_waited_for_no_longer_than_said(tmp_path):
    options = ("--tiny", "--out", tmp_path / "run")
    for number, sentence in (
        (0, r"--distributed: not all 2 processes came to 127.0.0.1:\d+ in 3 s"),
        (1, r"--coordinator-address 127.0.0.1:\d+: nobody answered in 3 s"),
    ):
        began = time.perf_counter()
        ((status, output, errors),) = ends(
            start(2, *options, numbers=[number], join_seconds=3), seconds=60
        )
        assert (status, output) == (2, "") and time.perf_counter() - began < 30
        assert re.fullmatch(f"error: {sentence}\n", errors), errors
    assert not (tmp_path / "run").exists()


@SLOW
def test_an_environment_of_no_cluster_is_refused(tmp_path):
    command = [sys.executable, "-m", "experiments.train", "--tiny", "--distributed"]
    done = subprocess.run(
        [*command, "--out", tmp_path / "run"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith("SLURM")},
    )
    assert (done.returncode, done.stderr) == (
        2,
        "error: --distributed: JAX does not recognise a cluster in the environment; set "
        "--coordinator-address, --num-processes and --process-id\n",
    )


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--num-processes", "2"), "--num-processes 2: goes with --distributed"),
        (("--join-seconds", "5"), "--join-seconds 5.0: goes with --distributed"),
        (
            ("--distributed", "--devices", "2"),
            "--devices 2: --distributed takes all devices of all processes",
        ),
        (
            ("--distributed", "--coordinator-address", "here"),
            "--coordinator-address here: must be host:port, such as a:1234",
        ),
        (
            ("--distributed", "--coordinator-address", "a:70000"),
            "--coordinator-address a:70000: must be host:port, such as a:1234",
        ),
        (("--distributed", "--num-processes", "0"), "--num-processes 0: must be at least 1"),
        (
            ("--distributed", "--num-processes", "2", "--process-id", "2"),
            "--process-id 2: must be in 0..1",
        ),
        (("--distributed", "--join-seconds", "nan"), "--join-seconds nan: must be above 0"),
    ],
)
def test_options_that_cannot_be_are_refused_before_anything_is_joined(
    options, sentence, run, tmp_path
):
    result = run("train", "--tiny", *options, "--out", tmp_path / "run")
    assert result == (2, "", f"error: {sentence}\n")


def test_a_process_that_joined_no_other_agrees_with_itself():
    def fail():
        raise RunError("a sentence")

    assert multihost.is_first() and multihost.gathered("text ä") == ["text ä"]
    assert multihost.together(lambda: 3) == 3
    with pytest.raises(RunError, match=r"^a sentence$"):
        multihost.together(fail)
    multihost.require_same("a", "the images")
    multihost.leave()
    tree = {"a": np.zeros(2)}
    assert multihost.from_first(tree) is tree and multihost.ending(print) is print
