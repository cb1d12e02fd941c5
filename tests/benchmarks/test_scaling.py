"""The model of scaling: its laws, and the bytes that it is fed with."""

import math
import re
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.scaling import (
    Network,
    collectives,
    ring_seconds,
    tree_seconds,
    waiting_seconds,
)

FREE = Network(bandwidth=math.inf, latency=1.0)  # bytes cost nothing
QUICK = Network(bandwidth=1.0, latency=0.0)  # messages cost nothing


def test_one_device_sends_nothing_and_waits_for_nobody():
    network = Network(1e9, 1e-5)
    assert ring_seconds(1, 10**6, network) == tree_seconds(1, 10**6, network) == 0
    assert waiting_seconds(1, 2.0, 0.1) == 0


@pytest.mark.parametrize("devices", [2, 3, 8, 1000])
def test_the_ring_moves_the_fewest_bytes_and_the_tree_the_fewest_messages(devices):
    size = 6000
    # What no all-reduce can be below: every device sends 2 (N - 1) / N of the bytes.
    assert math.isclose(ring_seconds(devices, size, QUICK), 2 * (devices - 1) / devices * size)
    assert ring_seconds(devices, size, QUICK) < tree_seconds(devices, size, QUICK) <= 2 * size
    assert ring_seconds(devices, size, FREE) == 2 * (devices - 1)
    assert tree_seconds(devices, size, FREE) == 2 * math.ceil(math.log2(devices))


def test_waiting_grows_with_devices_and_with_jitter():
    assert waiting_seconds(100, 1.0, 0.02) < waiting_seconds(1000, 1.0, 0.02) < 0.08
    assert waiting_seconds(100, 1.0, 0.0) == 0


def test_collectives_are_counted_with_the_bytes_of_their_results():
    text = """
  %all-reduce.1 = (f32[3,4]{1,0}, f32[], bf16[8]{0}) all-reduce(%a, %b, %c), channel_id=1
  ROOT %all-reduce-start.2 = f32[10]{0} all-reduce-start(%d), to_apply=%add
  %gather = pred[2,5]{1,0} all-gather(%e), dimensions={0}
  %not.one = f32[99]{0} add(%all-reduce.1, %d)
"""
    assert collectives(text) == {"all-reduce": (2, 48 + 4 + 16 + 40), "all-gather": (1, 10)}


@pytest.mark.parametrize(
    ("option", "value"), [("bandwidth", "0"), ("batch", "0"), ("step-ms", "nan"), ("jitter", "-1")]
)
def test_quantities_that_cannot_be_are_refused(run, option, value):
    status, output, errors = run("scaling", f"--{option}", value)
    assert (status, output) == (2, "") and errors.startswith(f"error: --{option} ")


@pytest.mark.slow
def test_a_step_moves_each_parameter_s_gradient_once_and_little_else():
    done = subprocess.run(
        [sys.executable, "-m", "experiments.scaling", "--model", "mlp", "--step-ms", "2"],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert (done.returncode, done.stderr) == (0, "")
    (gradient,) = re.findall(r": ([\d,]+) bytes of gradient", done.stdout)
    (moved,) = re.findall(r"all-reduce .* step, ([\d,]+) bytes", done.stdout)
    gradient, moved = (int(number.replace(",", "")) for number in (gradient, moved))
    assert gradient <= moved <= gradient + 64
    assert "1,000" in done.stdout and "as given" in done.stdout
