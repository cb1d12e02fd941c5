"""Mixed precision: what is computed in bfloat16, what stays float32, and how near it comes."""

import json
import math
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from options import train_config
from skimage import data

import fnnet as fn
from experiments import train
from experiments.cli.commands import Interrupted
from experiments.networks import architectures, configs
from experiments.runs.run import open_run
from experiments.system import compiler_flags
from experiments.system.storage import read_metrics
from experiments.training import session

MODEL = fn.serial(
    encoder=fn.serial(fn.conv2d(8, 4, stride=2), fn.batch_norm(), fn.gdn(), fn.conv2d(4, 3)),
    decoder=fn.serial(
        fn.repeat(fn.residual(fn.conv2d(4, 3), fn.silu), 2), fn.conv_transpose2d(3, 4)
    ),
)
RGB = (16, 16, 3)
CONVOLUTIONS = r"= (convolve|input_gradient|kernel_gradient)\["


def trained(model, steps=40):
    params, state = model.init(jax.random.key(0), RGB)
    optimizer = fn.optim.adam(5e-3)

    def loss(params, state, batch, key):
        y, state = model.apply(params, state, batch, train=True)
        return fn.losses.mse(y, batch).mean(), (state, {})

    photo = jnp.asarray(data.astronaut()[:256, :256], jnp.float32)[None] / 255
    batch = fn.ops.space_to_depth(photo, factor=16).reshape(256, *RGB)[::8]
    step = fn.train.make_step(loss, optimizer)
    train_state = fn.train.init_state(params, state, optimizer)
    values = []
    for _ in range(steps):
        train_state, metrics = step(train_state, batch, jax.random.key(1))
        values.append(float(metrics["loss"]))
    return train_state, values


@pytest.mark.slow
def test_training_in_bfloat16_comes_near_float32_and_keeps_everything_in_float32():
    narrow, narrow_losses = trained(fn.in_precision(MODEL))
    _, wide_losses = trained(MODEL)
    assert narrow_losses[-1] < 0.3 * narrow_losses[0]
    assert abs(narrow_losses[-1] / wide_losses[-1] - 1) < 0.15
    assert narrow_losses != wide_losses
    for leaf in jax.tree.leaves((narrow.params, narrow.state, narrow.opt_state)):
        assert leaf.dtype == jnp.float32


def test_every_convolution_and_its_gradients_are_computed_in_bfloat16():
    model = fn.in_precision(MODEL, "bfloat16")
    params, state = model.init(jax.random.key(0), RGB)

    def loss(params):
        y, _ = model.apply(params, state, jnp.ones((1, *RGB)), train=True)
        assert y.dtype == jnp.float32
        return jnp.square(y).mean()

    gradient = jax.grad(loss)
    lines = [line for line in str(jax.make_jaxpr(gradient)(params)).split("\n")]
    convolutions = [line for line in lines if re.search(CONVOLUTIONS, line)]
    assert len(convolutions) >= 8
    assert all(":bf16[" in line for line in convolutions)
    shapes = jax.eval_shape(gradient, params)
    assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(shapes))


def test_in_precision_changes_neither_parameters_nor_names():
    model = fn.in_precision(MODEL)
    plain, cast = (m.init(jax.random.key(0), RGB) for m in (MODEL, model))
    jax.tree.map(np.testing.assert_array_equal, plain, cast)
    x = jnp.asarray(np.random.default_rng(0).random((1, *RGB)), jnp.float32)
    wide, narrow = (m.apply(*plain, x)[0] for m in (MODEL, model))
    np.testing.assert_allclose(wide, narrow, atol=0.03)
    same = fn.in_precision(MODEL, "float32").apply(*plain, x)[0]
    np.testing.assert_array_equal(wide, same)
    assert str(model).startswith("serial(compute='bfloat16')")
    assert fn.summary(model, RGB) == fn.summary(MODEL, RGB)


def test_a_precision_that_would_need_scaled_losses_is_rejected():
    with pytest.raises(fn.LayerError) as error:
        fn.in_precision(MODEL, "float16")
    assert str(error.value) == "in_precision: compute='float16' must be 'bfloat16' or 'float32'"
    with pytest.raises(TypeError, match="a child must be a Layer"):
        fn.in_precision(fn.batch_norm)


SLOW_HERE = "on CPUs it is slow here; use float32"


@pytest.fixture
def fast(monkeypatch):
    """Let bfloat16 be used also where it is slow."""
    monkeypatch.setattr(compiler_flags, "why_bfloat16_is_slow", lambda: None)
    monkeypatch.delenv("FNNET_DATA", raising=False)


def losses(folder):
    return [row["loss"] for row in read_metrics(folder / "metrics.jsonl")]


@pytest.mark.parametrize("name", configs.CONFIGS)
def test_every_network_computes_in_its_config_s_precision(name):
    config = configs.configure(name, precision="bfloat16")
    assert configs.from_json(configs.to_json(config)) == config
    model, plain = architectures.build(config), architectures.build(configs.configure(name))
    params, state = plain.init(jax.random.key(0), RGB)
    x = jnp.asarray(np.random.default_rng(0).random((1, 17, 30, 3)), jnp.float32)
    lines = str(jax.make_jaxpr(model.apply)(params, state, x)).split("\n")
    products = [line for line in lines if re.search(CONVOLUTIONS, line) or "= dot_general[" in line]
    wide_ones = sum(":bf16[" not in line for line in products)
    # What makes the latents, and in a pyramid what takes them, is float32: they have more digits.
    assert wide_ones == {"residual": 0, "shallow": 0, "pyramid": 2}.get(name, 1) < len(products)
    wide, narrow = (network.apply(params, state, x)[0] for network in (plain, model))
    assert narrow.dtype == jnp.float32 and (name == "residual" or (narrow != wide).any())
    np.testing.assert_allclose(narrow, wide, atol=0.03)


def test_a_run_in_bfloat16_comes_near_float32_and_is_used_as_it_was_trained(fast, run, tmp_path):
    for precision in ("float32", "bfloat16"):
        options = ("--precision", precision, "--out", tmp_path / precision)
        status, output, errors = run("train", "--tiny", *options)
        assert (status, errors) == (0, "")
    wide, narrow = (losses(tmp_path / name) for name in ("float32", "bfloat16"))
    assert len(narrow) == 12 and all(map(math.isfinite, narrow)) and narrow != wide
    np.testing.assert_allclose(narrow, wide, rtol=0.02)
    trained = open_run(tmp_path / "bfloat16")
    assert trained.record.model["precision"] == trained.network.precision == "bfloat16"
    assert all(leaf.dtype == np.float32 for leaf in jax.tree.leaves(trained.params))
    # What training printed of the network is what evaluate prints.
    row = next(line for line in output.split("\n") if "mean of 2" in line)
    status, output, _ = run("evaluate", tmp_path / "bfloat16")
    assert status == 0 and row in output


def test_a_run_in_bfloat16_goes_on_with_the_same_bits(fast, run, tmp_path, monkeypatch):
    config = {"tiny": True, "precision": "bfloat16", "dropout": 0.1}
    train.main(train_config(**config, out=tmp_path / "whole"))
    real = session.fit

    def fit(*args, should_stop, **options):
        asked = iter(range(100))
        return real(*args, should_stop=lambda: next(asked) == 5, **options)

    with monkeypatch.context() as patch, pytest.raises(Interrupted):
        patch.setattr(session, "fit", fit)
        train.main(train_config(**config, out=tmp_path / "broken"))
    assert len(losses(tmp_path / "broken")) == 5
    # Where it is slow, a run that began elsewhere goes on all the same.
    monkeypatch.setattr(compiler_flags, "why_bfloat16_is_slow", lambda: SLOW_HERE)
    assert run("train", "--resume", tmp_path / "broken")[0] == 0
    assert losses(tmp_path / "broken") == losses(tmp_path / "whole")
    whole, broken = (open_run(tmp_path / name).params for name in ("whole", "broken"))
    jax.tree.map(np.testing.assert_array_equal, whole, broken)


def test_a_run_from_before_there_was_a_choice_is_one_in_float32(run, tmp_path, monkeypatch):
    def without(values):
        later = ("precision", "latents", "distortion_weights")
        return {name: value for name, value in values.items() if name not in later}

    monkeypatch.delenv("FNNET_DATA", raising=False)
    to_json = configs.to_json
    with monkeypatch.context() as patch:
        patch.setattr(configs, "to_json", lambda config: without(to_json(config)))
        train.main(train_config(task="restore", tiny=True, steps=3, out=tmp_path / "run"))
    path = tmp_path / "run" / "config.json"
    path.write_text(json.dumps(without(json.loads(path.read_text())) | {"steps": 5}))
    assert "precision" not in open_run(tmp_path / "run").record.model
    status, _, errors = run("train", "--resume", tmp_path / "run")
    assert (status, errors) == (0, "") and len(losses(tmp_path / "run")) == 5
    assert run("evaluate", tmp_path / "run")[0] == 0
    # A checkpoint of one precision is not taken for another.
    record = json.loads((tmp_path / "run" / "record.json").read_text())
    record["model"]["precision"] = "bfloat16"
    (tmp_path / "run" / "record.json").write_text(json.dumps(record))
    assert run("evaluate", tmp_path / "run") == (
        2,
        "",
        f"error: {tmp_path / 'run'}: the checkpoint is of another config: precision is 'float32' "
        "there, 'bfloat16' in the run\n",
    )


def test_bfloat16_is_refused_on_a_cpu_that_is_slow_at_it(run, tmp_path, monkeypatch):
    monkeypatch.setattr(compiler_flags, "why_bfloat16_is_slow", lambda: SLOW_HERE)
    options = ("--precision", "bfloat16", "--data", "nowhere", "--out", tmp_path / "run")
    sentence = f"error: --precision bfloat16: {SLOW_HERE}\n"
    assert run("train", "--tiny", *options) == (2, "", sentence)
    assert not (tmp_path / "run").exists()
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert "nowhere" in run("train", "--tiny", *options)[2]
