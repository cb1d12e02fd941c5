"""Training on several devices: the same losses, and a run that goes on on any number of them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from image_builders import noise
from PIL import Image

from experiments.images import sample_batch
from experiments.system.storage import read_metrics
from experiments.training.devices import place

pytestmark = pytest.mark.usefixtures("unoptimised")
ROOT = Path(__file__).parents[2]
SUPPORT = ROOT / "tests" / "support"

# Everything that needs four devices, in one process, since starting one takes seconds.
FOUR_DEVICES = """
import sys
from pathlib import Path

import jax
import numpy as np

from experiments import train
from experiments.training import running
from options import train_config
from experiments.training.devices import place
from experiments.system.errors import RunError

folder = Path(sys.argv[1])
running.report = lambda *_: None  # the same on any number of devices, and most of a tiny run

def run(name, **options):
    settings = dict(model="mlp", depth=1, norm="batch", dropout=0.1, batch=8, steps=4)
    data = str(folder / "pictures")
    train.main(train_config(**settings | options, patch=16, width=8, data=data, out=folder / name))

run("one")
run("four", devices=4)
for name, devices in (("one", "all"), ("four", None)):
    config = folder / name / "config.json"
    config.write_text(config.read_text().replace('"steps": 4', '"steps": 6'))
    train.main(train_config(resume=folder / name, devices=devices))

for devices, batch in ((5, 10), (0, 8), (4, 6)):
    try:
        place(devices, batch)
    except RunError as error:
        print("refused:", error)

placement = place(4, 8)
whole = np.arange(16.0).reshape(8, 2)
shares = placement.sharded(whole, 8).addressable_shards
print("shares:", [share.data.tolist() for share in shares] == whole.reshape(4, 2, 2).tolist())
print("rows:", placement.rows(8))
key = placement.replicated(jax.random.key(3))
step = placement.compiled(lambda state, batch, key: jax.random.uniform(key, (8,)) * batch[:, 0])
sharded = step(np.float32(0), placement.sharded(np.ones((8, 2), np.float32), 8), key)
print("bits:", bool((sharded == jax.random.uniform(jax.random.key(3), (8,))).all()))
print("replicated:", sharded.sharding.is_fully_replicated, len(sharded.sharding.device_set))
"""


@pytest.fixture(scope="module")
def four_devices(tmp_path_factory):
    """Run the script above; give its folder and what it printed."""
    folder = tmp_path_factory.mktemp("devices")
    put_images(folder / "pictures")
    flags = os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=4"
    done = subprocess.run(
        [sys.executable, "-c", FOUR_DEVICES, folder],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | {"XLA_FLAGS": flags.strip(), "PYTHONPATH": str(SUPPORT)},
    )
    assert done.returncode == 0, done.stderr
    return folder, done.stdout, done.stderr


def put_images(folder):
    folder.mkdir()
    for index in range(3):
        Image.fromarray(noise(40, 48, seed=index)).save(folder / f"{index}.png")


def rows(folder):
    return read_metrics(folder / "metrics.jsonl")


def test_four_devices_learn_what_one_does(four_devices):
    # Batch norm must see the whole batch and dropout the same bits for this to hold.
    folder, _, _ = four_devices
    one, four = rows(folder / "one"), rows(folder / "four")
    assert [row["step"] for row in one] == [row["step"] for row in four] == [1, 2, 3, 4, 5, 6]
    np.testing.assert_allclose(four[0]["loss"], one[0]["loss"], rtol=1e-6)
    for name in ("loss", "gradient_norm", "held_out_psnr"):
        found, wanted = [row[name] for row in four], [row[name] for row in one]
        np.testing.assert_allclose(found, wanted, rtol=1e-4)


def test_a_run_goes_on_on_another_number_of_devices_and_says_so(four_devices):
    folder, _, notes = four_devices
    for before, now in ((1, 4), (4, 1)):
        assert (
            f"note: devices was {before} in an earlier part of the run and is {now} now: the "
            "result will not be bit-identical to an unbroken run's\n"
        ) in notes
    for name, counts in (("one", [1, 4]), ("four", [4, 1])):
        record = json.loads((folder / name / "record.json").read_text())
        environments = [session["environment"] for session in record["sessions"]]
        assert [environment["devices"] for environment in environments] == counts
        assert [environment["processes"] for environment in environments] == [1, 1]
        # A run that is made again from its options is not bound to the devices.
        assert json.loads((folder / name / "config.json").read_text())["devices"] is None


def test_arrays_lie_where_they_should(four_devices):
    _, output, _ = four_devices
    assert "shares: True\nrows: slice(0, 8, None)\nbits: True\nreplicated: True 4\n" in output


def test_devices_that_cannot_be_are_refused(four_devices):
    _, output, _ = four_devices
    assert [line for line in output.split("\n") if line.startswith("refused")] == [
        "refused: --devices 5: must be in 1..4, the devices there are",
        "refused: --devices 0: must be in 1..4, the devices there are",
        "refused: --batch 6: must be a multiple of the 4 devices",
    ]


def test_more_devices_than_there_are_leave_nothing_behind(run, tmp_path):
    status, output, errors = run("train", "--tiny", "--devices", 1000, "--out", tmp_path / "run")
    assert (status, output) == (2, "")
    assert errors.startswith("error: --devices 1000: must be in 1..")
    assert not (tmp_path / "run").exists()


def test_one_device_places_nothing():
    batch = np.zeros((4, 2))
    placement = place(None, 4)
    assert placement.mesh is None and place(1, 3).mesh is None
    assert placement.sharded(batch, 4) is batch and placement.local(batch) is batch
    assert placement.replicated(batch) is batch and placement.compiled(print) is print
    assert placement.rows(4) == slice(0, 4)


@pytest.mark.parametrize("grid", ["any", "keep", "shift"])
def test_shares_of_a_batch_together_are_the_whole(grid):
    images = [(noise(20, 30, seed=0), noise(20, 30, seed=1)), (noise(40, 17, seed=2),) * 2]
    arguments = {"seed": 3, "step": 7, "batch_size": 12, "patch": 8, "grid": grid}
    whole = sample_batch(images, **arguments)
    shares = [
        sample_batch(images, **arguments, rows=slice(start, stop))
        for start, stop in ((0, 5), (5, 6), (6, 12))
    ]
    for array, parts in zip(whole, zip(*shares, strict=True), strict=True):
        assert [len(part) for part in parts] == [5, 1, 6]
        assert np.array_equal(array, np.concatenate(parts))
