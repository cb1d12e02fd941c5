"""The commands as people meet them: what appears, and what bad input gets."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import pytest
from options import train_config
from PIL import Image
from skimage import data

import experiments
import fnnet as fn
from experiments import train
from experiments.cli.commands import Interrupted
from experiments.runs.run import open_run
from experiments.system.storage import read_metrics
from experiments.training import session

pytestmark = pytest.mark.usefixtures("unoptimised")
TINY = ("--tiny", "--steps", "3")
SLOW = pytest.mark.slow


@pytest.fixture
def command(run, monkeypatch):
    # evaluate would check its metrics on LIVE1 each time.
    monkeypatch.delenv("FNNET_DATA", raising=False)
    return run


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A finished tiny run, shared by the tests that only read it."""
    folder = tmp_path_factory.mktemp("runs") / "trained"
    train.main(train_config(tiny=True, steps=3, out=folder))
    return folder


def put_images(folder, names=("a", "b", "c"), size=(64, 56)):
    folder.mkdir(parents=True, exist_ok=True)
    for index, name in enumerate(names):
        pixels = data.astronaut()[40 * index : 40 * index + size[0], 60 : 60 + size[1]]
        Image.fromarray(pixels).save(folder / f"{name}.png")
    return folder


def error_of(result):
    """The one line of an error, and nothing but notes before it."""
    status, _, errors = result
    assert status == 2, errors
    *notes, last = errors.strip().split("\n")
    assert all(line.startswith("note: ") for line in notes), errors
    assert last.startswith("error: ")
    return last.removeprefix("error: ")


def test_a_tiny_run_makes_all_that_it_promises(command, tmp_path):
    began = time.perf_counter()
    status, output, errors = command("train", "--tiny", "--out", tmp_path / "run")
    assert (status, errors) == (0, "")
    assert time.perf_counter() - began < 30
    found = {path.name for path in (tmp_path / "run").iterdir()}
    assert found == {
        *(".lock", "config.json", "record.json", "metrics.jsonl"),
        *("checkpoint-00000012.safetensors", "curves.png", "comparison.png"),
    }
    for part in ("chelsea", "mean of 2 │ held-out", "training │", "parameters", "bottleneck"):
        assert part in output
    rows = read_metrics(tmp_path / "run" / "metrics.jsonl")
    assert [row["step"] for row in rows] == list(range(1, 13))
    assert {"loss", "psnr", "learning_rate", "gradient_norm", "seconds"} <= set(rows[0])
    assert "held_out_psnr" in rows[-1]
    record = json.loads((tmp_path / "run" / "record.json").read_text())
    (session,) = record["sessions"]
    assert session["environment"]["jax"] == jax.__version__
    assert session["timing"]["steps"] == 12
    sides = {image["name"]: image["side"] for image in record["pictures"]}
    assert sides["chelsea"] == "test" and sides["motorcycle_left"] == "train"
    assert all(len(image["sha256"]) == 64 for image in record["pictures"])
    for name in ("curves.png", "comparison.png"):
        with Image.open(tmp_path / "run" / name) as image:
            assert min(image.size) > 400


@pytest.mark.parametrize(
    "options",
    [
        ("--task", "restore", "--model", "residual"),
        ("--task", "emulate", "--loss", "charbonnier", "--optimizer", "momentum"),
        pytest.param(
            ("--model", "mlp", "--optimizer", "sgd", "--schedule", "constant"), marks=SLOW
        ),
        pytest.param(
            ("--model", "shallow", "--schedule", "exponential", "--loss", "mae"), marks=SLOW
        ),
        pytest.param(
            ("--model", "conv", "--pooling", "max", "--dropout", "0.1", "--schedule", "linear"),
            marks=SLOW,
        ),
    ],
    ids=lambda options: options[1],
)
def test_every_task_and_model_trains(command, tmp_path, options):
    images = put_images(tmp_path / "pictures")
    status, output, errors = command(
        "train", *TINY, "--data", images, "--out", tmp_path / "run", *options
    )
    assert status == 0, errors
    assert "mean of 1 │ held-out" in output


def test_a_loaded_run_gives_a_notebook_the_network(trained):
    run = open_run(trained)
    x = np.asarray(data.chelsea()[None, :33, :50], np.float32) / 255
    y, _ = run.model.apply(run.params, run.state, x)
    assert y.shape == x.shape
    assert run.task.name == "autoencode" and run.step == 3


def test_evaluate_prints_the_table_that_training_printed(command, trained, tmp_path):
    status, output, errors = command("evaluate", trained)
    assert status == 0
    assert "3 of 5 images were trained on and are labelled so" in errors
    record = json.loads((trained / "record.json").read_text())
    for score in record["result"]["scores"]:
        if score["side"] == "test":
            assert re.search(
                rf"{score['name']} .*{score['psnr']:.2f} │ +{score['ssim']:.4f}", output
            )
    status, output, _ = command("evaluate", trained, "--data", put_images(tmp_path / "new"))
    assert status == 0 and "mean of 3 │ new" in output


def test_evaluate_checks_its_metrics_first_and_prints_nothing_where_they_are_wrong(
    command, trained, monkeypatch
):
    status, output, errors = command("evaluate", trained)
    assert status == 0 and "mean of 2 │ held-out" in output
    assert "note: psnr and ssim checked: 12 known values of JPEG at quality 10" in errors
    monkeypatch.setattr(fn.metrics, "ssim", fn.metrics.ssim_box8)
    status, output, errors = command("evaluate", trained)
    assert (status, output) == (2, "")
    assert "error: metrics miss their references, so nothing is measured by them" in errors


def put_overlap(folder):
    """A set of one new image, two that a default run was trained on, and one it held out."""
    put_images(folder, ("new",))
    Image.fromarray(data.astronaut()).resize((300, 300)).save(folder / "[b]x.jpg", quality=30)
    _, right, _ = data.stereo_motorcycle()
    Image.fromarray(right[::2, ::-2]).convert("L").save(folder / "grey.png")
    Image.fromarray(data.chelsea()).save(folder / "chelsea.png")
    return folder


def test_evaluate_refuses_images_that_were_trained_on(command, trained, tmp_path):
    said = error_of(command("evaluate", trained, "--data", put_overlap(tmp_path / "set")))
    assert re.fullmatch(
        r"2 of 4 images were trained on: \[b\]x \(astronaut, looks the same, distance \d+ of "
        r"255\), grey \(motorcycle_right, looks the same, distance \d+ of 255\); leave --data out "
        r"to measure on this run's own held-out images, or add --allow-overlap to go on with "
        r"these labelled",
        said,
    )


def test_evaluate_stamps_an_overlap_that_is_allowed(command, trained, tmp_path):
    folder = put_overlap(tmp_path / "set")
    status, output, _ = command("evaluate", trained, "--data", folder, "--allow-overlap")
    assert status == 0
    assert "2 of 4 images were trained on: no mean over them is a held-out result" in output
    rows = [
        [cell.strip() for cell in line.split("│")] for line in output.split("\n") if "│" in line
    ]
    sides = {row[1]: row[2] for row in rows if not row[1].startswith("mean")}
    assert sides == {"chelsea": "held-out", "new": "new", "[b]x": "training", "grey": "training"}
    figures = {tuple(row[1:3]): row[3:] for row in rows}
    assert figures["mean of 1", "held-out"] == figures["chelsea", "held-out"]
    assert figures["mean of 1", "new"] == figures["new", "new"]
    assert ("mean of 2", "training") in figures
    for name in ("[b]x.jpg", "grey.png"):
        (folder / name).unlink()
    _, without, _ = command("evaluate", trained, "--data", folder)
    assert "trained on" not in without
    for line in output.split("\n"):
        if "held-out │" in line or "new │" in line:
            assert line in without


def test_reconstruct_writes_an_image_of_the_same_size_for_every_input(command, trained, tmp_path):
    images = put_images(tmp_path / "in", size=(37, 1))
    Image.fromarray(data.camera()[:20, :30]).save(tmp_path / "grey.png")
    status, output, _ = command(
        "reconstruct", trained, images, tmp_path / "grey.png", "-o", tmp_path / "out"
    )
    assert status == 0 and "4 of 4 images written" in output
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        *("a.png", "b.png", "c.png", "grey.png")
    }
    with Image.open(tmp_path / "out" / "a.png") as image:
        assert (image.size, image.mode) == ((1, 37), "RGB")
    with Image.open(tmp_path / "out" / "grey.png") as image:
        assert (image.size, image.mode) == ((30, 20), "L")
    one = tmp_path / "one.png"
    assert command("reconstruct", trained, images / "a.png", "-o", one)[0] == 0
    assert one.read_bytes() == (tmp_path / "out" / "a.png").read_bytes()


def test_reconstruct_does_what_it_can_and_names_the_rest(command, trained, tmp_path):
    images = put_images(tmp_path / "in")
    (images / "b.png").write_bytes((images / "b.png").read_bytes()[:300])
    status, output, errors = command("reconstruct", trained, images, "-o", tmp_path / "out")
    assert status == 2
    assert "2 of 3 images written" in output
    assert f"note: {images / 'b.png'}: " in errors
    assert f"error: {tmp_path / 'out'}: 1 of 3 images are missing there" in errors
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"a.png", "c.png"}


def test_a_recorded_config_repeats_the_run_bit_for_bit(command, tmp_path):
    first = small_run(command, tmp_path / "first", "--data", put_images(tmp_path / "pictures"))
    config = first / "config.json"
    assert command("train", "--config", config, "--out", tmp_path / "again")[0] == 0
    assert learned(tmp_path / "again") == learned(first)
    assert (tmp_path / "again" / "config.json").read_text() == config.read_text()
    options = ("--config", config, "--steps", 2, "--out", tmp_path / "other")
    assert command("train", *options)[0] == 0
    assert json.loads((tmp_path / "other" / "config.json").read_text())["steps"] == 2


def small_run(command, folder, *options):
    assert command("train", *TINY, "--out", folder, *options)[0] == 0
    return folder


BAD_OPTIONS = [
    (("train", "--qualty", "20"), "unknown option --qualty; did you mean --quality?"),
    (("evaluate", "RUN", "--dta", "x"), "unknown option --dta; did you mean --data?"),
    (
        ("reconstruct", "RUN", "a.png", "b.png", "--uot", "x"),
        "unknown option --uot; did you mean --out?",
    ),
    (("train", "--steps", "0"), "--steps 0: must be at least 1"),
    (("train", "--quality", "101"), "--quality 101: must be in 1..100"),
    (("train", "--seed", "-1"), "--seed -1: must be in 0..4294967295"),
    (("train", "--learning-rate", "nan"), "--learning-rate nan: must be above 0"),
    (("train", "--width", "0"), "--width 0: must be at least 1"),
    (("train", "--downscale", "0.5"), "--downscale 0.5: must be in 1..64"),
    (
        ("train", "--grid", "keep", "--patch", "20"),
        "--patch 20: must be a multiple of 8 for --grid keep",
    ),
    (
        ("train", "--steps", "many"),
        "Error parsing --steps: no type matching INT could be instantiated from ['many']; "
        "python -m experiments.train --help lists the options",
    ),
    (("train", "--resume", "RUN"), "RUN: holds no run (there is no config.json)"),
    (
        ("train", "--resume", "RUN", "--steps", "5"),
        "--resume RUN: takes all options from the run and none beside it, not --steps",
    ),
    (("train", "--config", "RUN"), "RUN: could not be read: Is a directory"),
    (("train", "--config", "none.json"), "none.json: does not exist"),
    (("evaluate", "RUN"), "RUN: holds no run (there is no config.json)"),
    (("evaluate", "nowhere"), "nowhere: no such folder; released weights: pyramid"),
    (("reconstruct", "RUN", "a.png", "-o", "x"), "RUN: holds no run (there is no config.json)"),
    (
        ("reconstruct", "RUN", "-o", "x"),
        "no images are named; add files or folders after the run",
    ),
    (("train", "--depth", "40"), "--depth 40: must be in 1..6"),
]


@pytest.mark.parametrize(
    ("args", "sentence"), BAD_OPTIONS, ids=lambda v: v if isinstance(v, str) else "-"
)
def test_bad_options_get_one_sentence_and_status_2(command, tmp_path, monkeypatch, args, sentence):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "RUN").mkdir()
    put_images(tmp_path, ("there",))
    assert error_of(command(*args)) == sentence
    assert {path.name for path in tmp_path.iterdir()} == {"RUN", "there.png"}


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (
            ("a.png", "b.png", "-o", "x.png"),
            "x.png: several images need a folder; one image, a file that ends in .png",
        ),
        (("a.png", "-o", "x.jpg"), "x.jpg: results are PNG files; end it in .png"),
        (("a.png", "sub/a.png", "-o", "x"), "x/a.png: two inputs would be written there"),
        (("a.png", "-o", "there.png"), "there.png: is there already and is not overwritten"),
        (("a.png", "-o", "file"), "file: could not be made: File exists"),
        (("a.png", "-o", "file/x"), "file/x: could not be made: Not a directory"),
    ],
    ids=lambda value: value if isinstance(value, str) else "-",
)
def test_an_output_that_cannot_be_is_refused(
    command, trained, tmp_path, monkeypatch, args, sentence
):
    monkeypatch.chdir(tmp_path)
    put_images(tmp_path, ("there",))
    (tmp_path / "file").write_text("mine")
    assert error_of(command("reconstruct", trained, *args)) == sentence
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"steps": "many"}, "config.json: Error parsing --steps"),
        ({"steps": 2.5}, "config.json: Error parsing --steps"),
        ({"task": "foo"}, "config.json: invalid choice 'foo' for argument '--task'"),
        ({"model": "vgg"}, "config.json: invalid choice 'vgg' for argument '--model'"),
        ({"colour": "red"}, "config.json: there is no option 'colour'"),
        ({"quality": 0}, "--quality 0: must be in 1..100"),
    ],
    ids=str,
)
def test_a_config_file_is_checked_like_a_command_line(command, trained, tmp_path, change, part):
    config = json.loads((trained / "config.json").read_text())
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config | change))
    assert part in error_of(command("train", "--config", path, "--out", tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_a_damaged_record_is_named(command, trained, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(trained, folder)
    for content, part in (
        ("{}", "it has no 'model'"),
        ("[]", "it has no 'model'"),
        ("{", "is not JSON"),
    ):
        (folder / "record.json").write_text(content)
        for name, *args in (("evaluate", folder), ("train", "--resume", folder)):
            said = error_of(command(name, *args))
            assert said.startswith(f"{folder / 'record.json'}: ") and part in said
    shutil.copy(trained / "record.json", folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"optimizer": 5}))
    assert error_of(command("evaluate", folder)) == (
        f"{folder / 'config.json'}: is not the config of a run: optimizer is 5 there"
    )


def test_names_are_shown_as_they_are(command, trained, tmp_path):
    images = put_images(tmp_path / "[bold]in", ("x$_$y", "a [red]b", "c^d"))
    status, output, errors = command("train", *TINY, "--data", images, "--out", tmp_path / "o-[/x]")
    assert status == 0, errors
    assert "written to" in output and "o-[/x]" in output
    status, output, _ = command("evaluate", trained, "--data", images)
    assert "x$_$y" in output and "a [red]b" in output


def test_a_partner_that_is_converted_is_told_of(command, trained, tmp_path):
    folder = tmp_path / "set"
    put_images(folder / "refimgs")
    put_images(folder / "qf10")
    with Image.open(folder / "qf10" / "b.png") as image:
        image.putalpha(100)
        image.save(folder / "qf10" / "b.png")
    status, _, errors = command("evaluate", trained, "--data", folder)
    assert status == 0
    assert re.search(r"note: .*qf10/b.png: .*white", errors), errors


@SLOW
def test_images_are_prepared_as_asked_and_the_run_says_so(command, tmp_path):
    put_images(tmp_path / "set/refimgs", "abcd", size=(128, 112))
    put_images(tmp_path / "set/qf10", "abcd", size=(128, 112))
    options = ("--data", tmp_path / "set", "--downscale", 2, "--grid", "shift", "--patch", 32)
    status, output, errors = command("train", *TINY, "--out", tmp_path / "run", *options)
    assert status == 0, errors
    assert f"note: {tmp_path}/set: versions are made of the reduced images here" in errors
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert (config["downscale"], config["grid"]) == (2.0, "shift")
    title = "images scaled down by 2"
    assert title in re.sub(r"\s+", " ", output)
    status, again, _ = command("evaluate", tmp_path / "run")
    assert title in re.sub(r"\s+", " ", again)
    held_out = re.search(r"│ mean of 1 │ held-out .*", output)[0]
    assert held_out in again
    # Another set is measured at its own size.
    status, output, _ = command("evaluate", tmp_path / "run", "--data", put_images(tmp_path / "p"))
    assert status == 0 and title not in re.sub(r"\s+", " ", output)


def test_a_set_without_the_quality_says_that_its_versions_are_made(command, trained, tmp_path):
    put_images(tmp_path / "set/refimgs")
    put_images(tmp_path / "set/qf20")
    _, _, errors = command("evaluate", trained, "--data", tmp_path / "set")
    made = "its 3 versions are of quality 20; those of quality 10 are made here"
    assert f"note: {tmp_path}/set: {made}\n" in errors


def test_conversions_are_told_though_images_are_read_by_several_threads(command, trained, tmp_path):
    put_images(tmp_path / "set/refimgs", "abcdefgh")
    (tmp_path / "set/qf10").mkdir()
    for name in "abcdefgh":
        with Image.open(tmp_path / "set/refimgs" / f"{name}.png") as image:
            image.save(tmp_path / "set/qf10" / f"{name}.jpg", quality=10, icc_profile=b"profile")
    status, _, errors = command("evaluate", trained, "--data", tmp_path / "set")
    assert status == 0
    assert errors.count("its ICC colour profile is dropped") == 8


def test_versions_of_another_quality_than_their_folder_says_are_told(command, trained, tmp_path):
    put_images(tmp_path / "set/refimgs")
    (tmp_path / "set/qf10").mkdir()
    for name, quality in zip("abc", (90, 10, 30), strict=True):
        with Image.open(tmp_path / "set/refimgs" / f"{name}.png") as image:
            image.save(tmp_path / "set/qf10" / f"{name}.jpg", quality=quality)
    with Image.open(tmp_path / "set/qf10/c.jpg") as image:
        image.save(tmp_path / "set/qf10/c.bmp")
    (tmp_path / "set/qf10/c.jpg").unlink()
    status, _, errors = command("evaluate", trained, "--data", tmp_path / "set")
    told = f"{tmp_path}/set/qf10: 2 of 3 versions are not of quality 10 (a of 90, c of 30)"
    assert status == 0 and f"note: {told}\n" in errors


def test_a_training_image_that_was_changed_since_is_still_one(command, tmp_path):
    for name in ("astronaut", "coffee", "chelsea"):
        pixels = getattr(data, name)()[:200, 100:300]
        (tmp_path / "set").mkdir(exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / "set" / f"{name}.png")
    assert command("train", *TINY, "--data", tmp_path / "set", "--out", tmp_path / "run")[0] == 0
    for path in (tmp_path / "set").iterdir():
        with Image.open(path) as image:
            image.putpixel((0, 0), (1, 2, 3))
            image.save(path)
    status, output, errors = command("evaluate", tmp_path / "run")
    assert status == 0 and "2 of 3 images were trained on" in errors
    assert "mean of 2 │ training" in output and "mean of 1 │ new" in output


@pytest.mark.parametrize(
    ("file", "change", "sentence"),
    [
        ("config.json", {"downscale": None}, "is not the config of a run: downscale is None"),
        ("config.json", {"data": 5}, "is not the config of a run: data is 5 there"),
        ("config.json", {"task": ["a"]}, "is not the config of a run: task is ['a'] there"),
        ("config.json", {"task": None}, "is not the config of a run: task is None there"),
        ("config.json", {"steps": None}, "is not the config of a run: steps is None there"),
        ("record.json", {"pictures": []}, "its list of images is damaged: none is in the split"),
    ],
)
def test_a_run_that_was_tampered_with_is_refused(
    command, trained, tmp_path, file, change, sentence
):
    shutil.copytree(trained, tmp_path / "run")
    path = tmp_path / "run" / file
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    assert sentence in error_of(command("evaluate", tmp_path / "run"))
    if file == "config.json":
        assert sentence in error_of(command("train", "--resume", tmp_path / "run"))


def test_one_image_is_enough_to_evaluate_on(command, trained, tmp_path):
    status, output, _ = command("evaluate", trained, "--data", put_images(tmp_path / "p", ("a",)))
    assert status == 0 and "mean of 1 │ new" in output


def test_a_finished_run_that_is_resumed_keeps_its_history(command, tmp_path, monkeypatch):
    images = put_images(tmp_path / "pictures")
    run = small_run(command, tmp_path / "run", "--data", os.path.relpath(images))
    monkeypatch.chdir(tmp_path)
    status, output, errors = command("train", "--resume", run)
    assert status == 0, errors
    first, second = json.loads((run / "record.json").read_text())["sessions"]
    assert (first["timing"]["steps"], second["timing"]["steps"]) == (3, 0)
    assert "mean of 1 │ held-out" in output


def test_a_stop_between_two_steps_is_saved_too(tmp_path, monkeypatch):
    """Whenever the signal comes: here after a step was recorded, before the next one is asked."""
    real = session.fit

    def fit(*args, should_stop, **options):
        calls = iter(range(100))
        ask = lambda: (next(calls) == 2 and signal.raise_signal(signal.SIGINT)) or should_stop()  # noqa: E731
        return real(*args, should_stop=ask, **options)

    monkeypatch.setattr(session, "fit", fit)
    config = train_config(
        tiny=True, data=str(put_images(tmp_path / "pictures")), out=tmp_path / "run"
    )
    with pytest.raises(Interrupted, match="go on with"):
        train.main(config)
    assert (tmp_path / "run" / "checkpoint-00000002.safetensors").exists()


def test_an_unknown_choice_is_refused_with_the_valid_ones(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = error_of(command("train", "--model", "resnet"))
    assert said.startswith("invalid choice 'resnet' for argument '--model'. Expected one of (")
    assert all(f"'{name}'" in said for name in ("mlp", "shallow", "conv", "residual"))


def bad_folder(tmp_path, kind):
    """A folder of images with something wrong, and what is said of it."""
    folder = tmp_path / "pictures"
    if kind == "missing":
        return folder, "no such folder"
    folder.mkdir()
    if kind == "empty":
        return folder, "found nothing"
    if kind == "no images":
        (folder / "notes.txt").write_text("hello")
        return folder, "found notes.txt"
    put_images(folder)
    if kind == "truncated":
        (folder / "b.png").write_bytes((folder / "b.png").read_bytes()[:300])
        return folder, "b.png: ends after 300 bytes"
    if kind == "no image":
        (folder / "b.png").write_text("hello")
        return folder, "b.png: not an image that fnnet reads"
    if kind == "too large":
        Image.new("1", (8193, 8192)).save(folder / "b.png")
        return folder, "over the limit of 67108864 pixels"
    if kind == "smaller than the patch":
        put_images(folder, size=(20, 30))
        return folder, "smaller than the patch of 48"
    if kind == "one image":
        (folder / "a.png").unlink()
        (folder / "b.png").unlink()
        return folder, "1 distinct image, but a split needs one to train and one to test on"
    originals = folder / "refimgs"
    shutil.copytree(folder, originals)
    pairs = put_images(folder / "qf10")
    for path in folder.glob("*.png"):
        path.unlink()
    if kind == "partner missing":
        (pairs / "b.png").unlink()
        return folder, "b"
    put_images(pairs, size=(64, 55))
    return folder, "64"


@pytest.mark.parametrize(
    "kind",
    [
        *("missing", "empty", "no images", "truncated", "no image", "too large"),
        *("smaller than the patch", "one image", "partner missing", "sizes differ"),
    ],
)
def test_bad_images_get_one_sentence_from_train_and_evaluate(
    command, trained, tmp_path, monkeypatch, kind
):
    monkeypatch.delenv("FNNET_DATA", raising=False)
    folder, part = bad_folder(tmp_path, kind)
    said = error_of(command("train", *TINY, "--data", folder, "--out", tmp_path / "run"))
    assert part in said and str(folder) in said
    assert not (tmp_path / "run").exists()
    if kind not in ("smaller than the patch", "one image"):
        assert part in error_of(command("evaluate", trained, "--data", folder))


def test_a_run_folder_that_cannot_be_taken_is_left_as_it_was(command, trained, tmp_path):
    before = {path: path.read_bytes() for path in trained.iterdir()}
    assert error_of(command("train", *TINY, "--out", trained)) == (
        f"{trained}: already holds a run, which train --resume {trained} continues; choose another "
        "--out"
    )
    assert before == {path: path.read_bytes() for path in trained.iterdir()}
    (tmp_path / "file").write_text("x")
    assert error_of(command("train", *TINY, "--out", tmp_path / "file")) == (
        f"{tmp_path / 'file'}: is a file, not a folder; choose another --out"
    )
    put_images(tmp_path / "full")
    assert error_of(command("train", *TINY, "--out", tmp_path / "full")) == (
        f"{tmp_path / 'full'}: is not empty; choose another --out"
    )


def test_a_checkpoint_of_another_config_is_refused_by_name(command, trained, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(trained, folder)
    record = json.loads((folder / "record.json").read_text())
    record["model"]["bottleneck"] = 3
    (folder / "record.json").write_text(json.dumps(record))
    assert re.fullmatch(
        r".*checkpoint-00000003.safetensors: .*: file \(.*\), model \(.*\)",
        error_of(command("evaluate", folder)),
    )
    record["model"] |= {"bottleneck": 16, "activation": "tanh"}
    (folder / "record.json").write_text(json.dumps(record))
    assert error_of(command("evaluate", folder)) == (
        f"{folder}: the checkpoint is of another config: activation is 'silu' there, 'tanh' in "
        "the run"
    )


def test_a_damaged_newest_checkpoint_is_passed_over_with_a_note(command, trained, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(trained, folder)
    newest = folder / "checkpoint-00000003.safetensors"
    shutil.copy(newest, folder / "checkpoint-00000004.safetensors")
    with open(folder / "checkpoint-00000004.safetensors", "r+b") as file:
        file.seek(-5, os.SEEK_END)
        file.write(b"\xff\x00\xff")
    status, output, errors = command("evaluate", folder)
    assert status == 0 and "step 3" in output
    assert "checkpoint-00000004.safetensors: damaged" in errors
    newest.unlink()
    assert "damaged" in errors and error_of(command("evaluate", folder))


def test_changed_images_are_noticed_on_resume(command, tmp_path):
    images = put_images(tmp_path / "pictures")
    run = small_run(command, tmp_path / "run", "--data", images)
    put_images(images, ("d",))
    assert error_of(command("train", "--resume", run)) == (
        f"{run / 'record.json'}: the images are not those that the run began with"
    )


def test_a_loss_that_is_never_finite_stops_the_run_with_a_sentence(command, tmp_path):
    options = ("--optimizer", "sgd", "--learning-rate", "1e38", "--clip", "1e38")
    said = error_of(
        command("train", "--tiny", "--norm", "none", *options, "--out", tmp_path / "run")
    )
    assert "not finite in 5 steps in a row" in said


CHILD = """
import runpy, sys
if (limit := int(sys.argv.pop(1))):
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
runpy.run_module("experiments.train", run_name="__main__", alter_sys=True)
"""


def child(*args, limit=0):
    """Train in a process of its own, whose files may have `limit` bytes at most."""
    # The tests' own cache of programs would have to keep the limit too, and JAX would say so.
    env = os.environ | ({"JAX_ENABLE_COMPILATION_CACHE": "false"} if limit else {})
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(limit), *map(str, args)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=env,
        cwd=Path(__file__).parents[2],
    )


def wait_for_lines(path, count, process, seconds=60):
    """Wait until a run has written so many lines of metrics."""
    for _ in range(int(seconds / 0.02)):
        if path.exists() and path.read_bytes().count(b"\n") >= count:
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    raise AssertionError(f"{path} has no {count} lines after {seconds} s")


def learned(folder):
    """All that a run learned, without times of day."""
    tensors, _ = fn.load(max(folder.glob("checkpoint-*")))
    rows = read_metrics(folder / "metrics.jsonl")
    return (
        {name: (leaf.dtype, leaf.shape, leaf.tobytes()) for name, leaf in tensors.items()},
        [{name: value for name, value in row.items() if name != "seconds"} for row in rows],
    )


@SLOW
def test_a_run_that_is_killed_ends_with_the_bits_of_one_that_is_not(tmp_path):
    options = ("--tiny", "--dropout", "0.1", "--steps", "60", "--save-seconds", "0.01")
    options += ("--data", put_images(tmp_path / "pictures"))
    whole = child(*options, "--out", tmp_path / "whole")
    _, errors = whole.communicate()  # not wait(): a full pipe would stop the child
    assert whole.returncode == 0, errors
    broken = tmp_path / "broken"
    for lines, arguments in ((10, (*options, "--out", broken)), (30, ("--resume", broken))):
        process = child(*arguments)
        wait_for_lines(broken / "metrics.jsonl", lines, process)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    again = child("--resume", broken)
    _, errors = again.communicate()
    assert again.returncode == 0, errors
    assert learned(broken) == learned(tmp_path / "whole")
    assert (broken / "comparison.png").exists()


@SLOW
def test_ctrl_c_saves_and_says_how_to_go_on_and_a_run_in_use_is_refused(tmp_path):
    folder = tmp_path / "run"
    images = put_images(tmp_path / "pictures")
    process = child("--tiny", "--steps", "100000", "--data", images, "--out", folder)
    wait_for_lines(folder / "metrics.jsonl", 3, process)
    second = child("--resume", folder)
    _, errors = second.communicate()
    assert second.returncode == 2
    assert errors == f"error: {folder}: another process is at work in this folder\n"
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert errors == f"stopped; go on with: python -m experiments.train --resume {folder}\n"
    rows = (folder / "metrics.jsonl").read_text().count("\n")
    assert (folder / f"checkpoint-{rows:08d}.safetensors").exists()


@SLOW
def test_a_full_disk_ends_a_run_with_a_sentence_and_keeps_the_last_checkpoint(tmp_path):
    pytest.importorskip("resource", reason="Windows has no limit on a file's size")
    folder = tmp_path / "run"
    process = child(
        *("--tiny", "--model", "shallow", "--steps", "5000", "--save-seconds", "0.2"),
        *("--data", put_images(tmp_path / "pictures"), "--out", folder),
        limit=60_000,
    )
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 2, errors
    assert re.fullmatch(
        rf"error: {folder}/metrics.jsonl: could not be written: File too large\n", errors
    )
    assert open_run(folder).step > 0
    assert not list(folder.glob("*.tmp"))


@SLOW
def test_a_full_disk_at_the_figures_ends_with_a_sentence(tmp_path):
    pytest.importorskip("resource", reason="Windows has no limit on a file's size")
    images, folder = put_images(tmp_path / "pictures"), tmp_path / "run"
    process = child(*TINY, "--model", "shallow", "--data", images, "--out", folder, limit=50_000)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 2, errors
    assert errors == f"error: {folder}/curves.png: could not be written: File too large\n"
    assert open_run(folder).step == 3


@pytest.mark.parametrize("name", experiments.COMMANDS)
def test_help_says_what_appears_and_how_long_it_takes(command, name):
    status, output, _ = command(name, "--help")
    assert status == 0
    assert "appear" in output or "printed" in output or "Print" in output
    assert re.search(r"minute|second", output)


def test_progress_is_plain_lines_where_there_is_no_terminal(command, tmp_path):
    with contextlib.suppress(KeyError):
        del os.environ["FORCE_COLOR"]
    _, output, _ = command("train", *TINY, "--out", tmp_path / "run")
    assert "\x1b" not in output
    line = next(line for line in output.split("\n") if line.startswith("step 3/3"))
    assert re.fullmatch(r"step 3/3 loss \d\.\d+ PSNR \d+\.\d\d dB rate .* Mpixel/s 0 s left", line)
