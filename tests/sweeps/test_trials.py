"""Trials: pairs of one seed start equal, measure real files, and never end in an exception."""

import json
import pickle
import statistics
from dataclasses import replace

import jax
import numpy as np
import pytest
import record_builders as build
from sweep_builders import SHALLOW, material, trial, without_times

import fnnet as fn
from experiments.networks import configs
from experiments.networks.codec import Codec
from experiments.sweeps import records
from experiments.sweeps.plan import plan
from experiments.sweeps.running import run_trial
from experiments.training import session
from experiments.training.stability import Stability, loss_ratios, stability, steps_to
from fnnet.train import NotFiniteError

pytestmark = pytest.mark.usefixtures("unoptimised")
IMAGES = material()


def as_read(record):
    """The record after a file."""
    return records.from_json(json.loads(json.dumps(records.to_json(record))))


def start(monkeypatch, trial):
    """Return the weights and the first two batches that a trial begins with."""
    seen = []

    def fit(train_state, step, batches, key, **settings):
        seen.append((train_state.params, [batches(number) for number in (0, 1)], key))
        raise NotFiniteError

    monkeypatch.setattr(session, "fit", fit)
    monkeypatch.setattr(session, "evaluate", lambda *args: {"psnr": 0.0})
    assert run_trial(trial, IMAGES).status == "diverged"
    return seen[0]


@pytest.mark.parametrize(
    ("axis", "least"),
    # How many of the baseline's 16 arrays a value has too: batch norm takes out its 6 biases.
    [("activation", 16), ("dropout", 16), ("norm", 10), ("depth", 2), ("schedule", 16)],
)
def test_values_of_an_axis_start_from_equal_weights_and_see_equal_batches(axis, least, monkeypatch):
    baseline, *others = plan((axis,), "tiny", 1, IMAGES)
    weights, batches, key = start(monkeypatch, baseline)
    weights = fn.trees.flatten(weights)
    for other in others:
        other_weights, other_batches, other_key = start(monkeypatch, other)
        common = 0
        for path, leaf in fn.trees.flatten(other_weights).items():
            if path in weights and weights[path].shape == leaf.shape:
                np.testing.assert_array_equal(leaf, weights[path])
                common += 1
        assert common >= least
        jax.tree.map(np.testing.assert_array_equal, other_batches, batches)
        assert other_key == key


def test_seeds_differ_in_weights_and_batches(monkeypatch):
    first = trial(IMAGES)
    weights, batches, _ = start(monkeypatch, first)
    other_weights, other_batches, _ = start(monkeypatch, replace(first, seed=1))
    kernels = [
        fn.trees.flatten(each)["encoder/conv2d_0/kernel"] for each in (weights, other_weights)
    ]
    assert (kernels[0] != kernels[1]).any()
    assert (batches[0][0] != other_batches[0][0]).any()


def test_a_record_does_not_depend_on_what_ran_before():
    first, other = trial(IMAGES), trial(IMAGES, learning_rate=0.01)
    once = run_trial(first, IMAGES)
    assert run_trial(other, IMAGES).held_out != once.held_out
    assert without_times(run_trial(first, IMAGES)) == without_times(once)


def test_a_record_is_complete_and_its_rates_are_those_of_the_files_that_were_read(monkeypatch):
    lengths, read = [], Codec.read

    def spy(codec, source):
        lengths.append(len(source))
        return read(codec, source)

    monkeypatch.setattr(Codec, "read", spy)
    record = run_trial(trial(IMAGES, steps=12), IMAGES)
    assert as_read(record) == record
    assert record.status == "finished"
    images = record.held_out + record.trained_on
    assert [image.file_bytes for image in images] == lengths[: len(images)]
    assert [image.name for image in images][:2] == ["test-0", "test-1"] and len(images) == 5
    for image in images:
        assert image.pixels == 40 * 48 and image.rate == 0
        assert 20 < image.file_bytes - image.ideal_bytes < 80
    assert [row.step for row in record.curve] == list(range(1, 13))
    assert record.steps == 12 and record.seconds > 0
    assert record.latents_per_pixel == 4 / 16
    assert record.encode_seconds_per_megapixel > 0 < record.decode_seconds_per_megapixel


def test_each_rate_is_measured():
    model = replace(SHALLOW, latents="penalised", distortion_weights=(0.002, 0.05))
    record = run_trial(trial(IMAGES, model=model), IMAGES)
    rows = [(image.name, image.rate) for image in record.held_out]
    assert rows == [("test-0", 0), ("test-0", 1), ("test-1", 0), ("test-1", 1)]


@pytest.mark.parametrize(("task", "source"), [("restore", "jpeg"), ("emulate", "original")])
def test_a_task_without_coded_latents_is_set_beside_the_jpeg_version(task, source):
    model = replace(SHALLOW, latents="real")
    record = run_trial(replace(trial(IMAGES, model=model), task=task), IMAGES)
    assert as_read(record) == record and record.status == "finished"
    for image, pair in zip(record.held_out, IMAGES.test, strict=True):
        assert image.file_bytes is image.ideal_bytes is image.rate is None
        assert image.jpeg_bytes == pair.load()[1]
    assert record.encode_seconds_per_megapixel is None


def test_a_run_that_diverges_is_recorded_with_what_was_learned_till_then():
    record = run_trial(
        trial(IMAGES, optimizer="sgd", learning_rate=1e38, clip=1e38, steps=40), IMAGES
    )
    assert record.status == "diverged" and as_read(record) == record
    assert record.held_out == record.trained_on == ()
    assert record.stability.skipped_steps >= 5
    assert record.steps < 40 and len(record.curve) >= 1
    json.dumps(records.to_json(record), allow_nan=False)


@pytest.mark.slow
def test_a_step_of_a_learning_rate_of_a_million_diverges():
    model = configs.configure("conv", latents="bounded", width=4)
    diverging = trial(IMAGES, model=model, optimizer="sgd", learning_rate=1e6, clip=1.0, steps=40)
    assert run_trial(diverging, IMAGES).status == "diverged"


@pytest.mark.slow
def test_latents_that_leave_32_bits_are_a_divergence_too(monkeypatch):
    model = replace(SHALLOW, latents="penalised", distortion_weights=(0.01,))
    fit = session.fit

    def far(*args, **settings):
        train_state, report = fit(*args, **settings)
        params = train_state.params
        encoder = jax.tree.map(lambda leaf: leaf * 1e12, params["encoder"])
        return train_state._replace(params=params | {"encoder": encoder}), report

    monkeypatch.setattr(session, "fit", far)
    record = run_trial(trial(IMAGES, model=model), IMAGES)
    assert record.status == "diverged" and record.held_out == ()
    assert record.steps == len(record.curve) == 3


def test_identities_tell_apart_whatever_matters_and_baselines_share_their_work():
    first = trial(IMAGES)
    others = [
        replace(first, **change)
        for change in (
            {"axis": "norm"},
            {"value": "relu"},
            {"seed": 1},
            {"task": "restore"},
            {"budget": "full"},
            {"model": replace(SHALLOW, bottleneck=5)},
            {"options": replace(first.options, steps=4)},
            {"data": replace(first.data, pictures=2)},
            {"kind": "rung"},
        )
    ]
    assert len({each.identity for each in (first, *others)}) == len(others) + 1
    assert replace(first, axis="norm", value="none", baseline=True).work == first.work
    assert len({each.work for each in (first, *others)}) == 6


def test_the_images_of_a_smaller_training_set_are_among_those_of_a_larger():
    images = material(train=6)
    names = [pair.image.name for pair in images.trained_on(6, 0)]
    assert [pair.image.name for pair in images.trained_on(2, 0)] == names[:2]
    assert [pair.image.name for pair in images.trained_on(6, 1)] != names


def test_images_arrive_in_other_processes_as_they_are():
    there = pickle.loads(pickle.dumps(IMAGES))
    assert there.digest == IMAGES.digest != material(train=2).digest
    for side in ("train", "test"):
        for one, other in zip(getattr(there, side), getattr(IMAGES, side), strict=True):
            assert one.split == side and one.image.name == other.image.name
            np.testing.assert_array_equal(one.original, other.original)
            np.testing.assert_array_equal(one.jpeg, other.jpeg)
            assert one.bits_per_pixel == other.bits_per_pixel


def test_stability_is_counted_after_the_start():
    losses = [9.0, *[1.0] * 20, 2.5, 1.0, 8.0, float("nan")]
    found = stability(losses, [1.0, 5.0, 3.0, float("inf")], skipped=1)
    assert found == Stability(
        spikes=2,
        largest_loss_ratio=8.0,
        skipped_steps=1,
        gradient_norm_median=3.0,
        gradient_norm_highest=5.0,
    )
    values = list(np.random.default_rng(0).random(200) + 0.5)
    expected = [values[n] / statistics.median(values[max(n - 50, 0) : n]) for n in range(10, 200)]
    assert loss_ratios(values, window=50, least=10) == expected
    assert stability([1.0], [], 0).largest_loss_ratio is None


def test_steps_to_a_quality_are_the_first_that_were_measured():
    row = build.curve(0.0)[0]
    curve = [
        replace(row, step=step, held_out_psnr=psnr)
        for step, psnr in ((1, 11.5), (5, None), (9, 13.0))
    ]
    assert steps_to(curve) == {"10": 1, "11": 1, "12": 9, "13": 9}


def test_a_codec_tells_what_its_tables_alone_would_take(monkeypatch):
    bits = []
    write = Codec.write

    def spied(*args, **options):
        made = write(*args, **options)
        bits.append(made.ideal_bits)
        return made

    monkeypatch.setattr(Codec, "write", spied)
    record = run_trial(trial(IMAGES), IMAGES)
    sizes = {image.ideal_bytes for image in record.held_out + record.trained_on}
    assert sizes <= {each / 8 for each in bits}
    for image in record.held_out:
        assert image.ideal_bytes < image.file_bytes <= 1.01 * image.ideal_bytes + 64
