"""The ladder: what is trained and measured, once; crops; the released network's record."""

import json
import shutil

import numpy as np
import pytest
from options import train_config
from PIL import Image
from skimage import data

from experiments import release as release_command
from experiments import train
from experiments.images import read_image
from experiments.reporting.crops import read_crops
from experiments.runs.record import RunSession
from experiments.runs.run import open_run
from experiments.sweeps import records
from experiments.sweeps.rungs import NAMES, PENALISED, RUNGS
from experiments.sweeps.trials import Sets
from experiments.system.storage import read_metrics

pytestmark = pytest.mark.usefixtures("unoptimised")


@pytest.fixture(autouse=True)
def embedded(monkeypatch):
    monkeypatch.delenv("FNNET_DATA", raising=False)


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    folder = tmp_path_factory.mktemp("release")
    model = {"model": "shallow", "latents": "penalised", "distortion_weights": (0.01, 0.1)}
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("FNNET_DATA", raising=False)
        train.main(train_config(tiny=True, out=folder / "run", precision="float32", **model))
    return folder


def ready(run, release):
    """Make the release, if no test has; where it is."""
    if not (release / "released").exists():
        run("release", release / "run", "-o", release / "released")
    return release / "released"


def test_a_release_is_a_run_of_half_the_bytes_with_nothing_of_where_it_was_made(run, release):
    status, _, errors = run("release", release / "run", "-o", release / "released")
    assert (status, errors) == (0, "")
    folder = release / "released"
    assert {path.name for path in folder.iterdir()} == {
        *("config.json", "record.json", "weights.safetensors")
    }
    assert str(release) not in (folder / "config.json").read_text()
    whole, half = open_run(release / "run"), open_run(folder)
    assert half.step == whole.step
    for name in ("freq", "size", "start"):
        np.testing.assert_array_equal(half.state["tables"][name], whole.state["tables"][name])
    assert half.params["gain"].dtype == np.float32
    np.testing.assert_allclose(half.params["gain"], whole.params["gain"], rtol=1e-3)
    history = half.record.history
    rows = [r for r in read_metrics(release / "run" / "metrics.jsonl") if "held_out_psnr" in r]
    assert [row["step"] for row in history["curve"]] == [row["step"] for row in rows]
    assert history["seconds"] == rows[-1]["seconds"]
    sessions = [RunSession(environment={"device": device}) for device in ("cpu", "a GPU")]
    times = [{"seconds": seconds} for seconds in (1.0, 2.5, 0.5, 2.0)]
    assert release_command._seconds(times, sessions[:1]) == 4.5
    assert release_command._seconds(times, sessions) is None
    data = bytearray((folder / "weights.safetensors").read_bytes())
    data[-1] ^= 1
    shutil.copytree(folder, release / "damaged")
    (release / "damaged" / "weights.safetensors").write_bytes(data)
    status, _, errors = run("compress", release / "damaged", "a.png", "-o", "x")
    assert status == 2 and "damaged: its contents do not match its digest" in errors


@pytest.mark.slow
def test_a_rung_is_trained_once_and_its_record_and_crops_are_kept(run, tmp_path):
    options = ("--budget", "tiny", "--rung", "one convolution")
    options += ("--records", tmp_path / "l.jsonl", "--crops", tmp_path / "crops")
    status, output, _ = run("ladder", *options)
    assert status == 0 and "one convolution=shallow seed 0: " in output
    (record,), faults = records.read(tmp_path / "l.jsonl")
    assert not faults and record.kind == "rung"
    assert record.latents_per_pixel == 0.25
    assert {image.name for image in record.held_out} == {"chelsea", "coffee"}
    crops, faults = read_crops(tmp_path)
    assert not faults and [crop.entry.picture for crop in crops] == ["chelsea", "coffee"]
    original = read_image(tmp_path / "crops" / "coffee.png").pixels
    assert (original == data.coffee()[20:180, 270:430]).all()
    status, output, _ = run("ladder", *options)
    assert status == 0 and "seed 0" not in output
    assert len(read_metrics(tmp_path / "l.jsonl")) == 1


def test_the_network_trained_for_its_rate_is_measured_at_every_rate(run, release, tmp_path):
    ready(run, release)
    options = ("--weights", release / "released", "--records", tmp_path / "l.jsonl")
    status, _, errors = run("ladder", *options, "--rung", PENALISED)
    assert (status, errors) == (0, "")
    (record,), faults = records.read(tmp_path / "l.jsonl")
    assert not faults
    assert {image.rate for image in record.held_out} == {0, 1}
    assert record.trial.data == Sets(train="training side of embedded", test="embedded", pictures=3)
    assert record.curve and record.seconds > 0
    assert records.to_json(record) == json.loads((tmp_path / "l.jsonl").read_text())


def test_a_set_with_photographs_that_the_weights_have_seen_is_refused(run, release, tmp_path):
    (tmp_path / "set").mkdir()
    # Not trained on by the ladder itself: what is refused are the weights' training images.
    for name in ("a", "b"):
        Image.fromarray(data.rocket()[:200, :200] // 2).save(tmp_path / "set" / f"{name}.png")
    Image.fromarray(data.stereo_motorcycle()[1]).save(tmp_path / "set" / "seen.png")
    new = tmp_path / "new"
    new.mkdir()
    Image.fromarray(data.rocket()).save(new / "c.png")
    options = ("--weights", ready(run, release), "--rung", PENALISED, "--data", new)
    options += ("--test", tmp_path / "set", "--records", tmp_path / "l.jsonl")
    status, _, errors = run("ladder", *options)
    assert status == 2 and "images were trained on: seen" in errors
    assert not (tmp_path / "l.jsonl").exists()


def test_a_release_is_not_released_again(run, release, tmp_path):
    folder = ready(run, release)
    status, _, errors = run("release", folder, "-o", tmp_path / "again")
    assert (status, errors) == (2, f"error: {folder}: is released already\n")
    assert not (tmp_path / "again").exists()


def test_every_rung_has_one_latent_for_four_pixels_and_its_name_is_known(run):
    assert len(set(NAMES)) == len(NAMES) == len(RUNGS) + 1
    status, _, errors = run("ladder", "--rung", "poling")
    assert status == 2
    names = ", ".join(f"'{name}'" for name in NAMES)
    assert errors == f"error: --rung poling: must be one of {names}\n"


@pytest.mark.slow
def test_weights_and_the_rung_that_needs_them_go_together(run, release, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plain = tmp_path / "plain"
    train.main(train_config(tiny=True, model="shallow", out=plain, precision="float32"))
    for args, sentence in (
        (("--rung", PENALISED), f"--rung {PENALISED!r}: needs --weights"),
        (
            ("--rung", "pooling", "--weights", "pyramid"),
            f"--weights pyramid: goes with --rung {PENALISED!r}",
        ),
        (
            ("--weights", release / "run"),
            f"--weights {release / 'run'}: was not made ready by release",
        ),
        (("--weights", plain), f"--weights {plain}: was not trained with --latents penalised"),
    ):
        status, _, errors = run("ladder", "--budget", "tiny", *args)
        assert (status, errors) == (2, f"error: {sentence}\n")
    assert not (tmp_path / "runs").exists()
