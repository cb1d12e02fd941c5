"""Mixed precision: what is computed in bfloat16, what stays float32, and how near it comes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from skimage import data

import fnnet as fn

MODEL = fn.serial(
    encoder=fn.serial(fn.conv2d(8, 4, stride=2), fn.batch_norm(), fn.gdn(), fn.conv2d(4, 3)),
    decoder=fn.serial(
        fn.repeat(fn.residual(fn.conv2d(4, 3), fn.silu), 2), fn.conv_transpose2d(3, 4)
    ),
)
RGB = (16, 16, 3)


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
    narrow, narrow_losses = trained(fn.train.Policy().applied_to(MODEL))
    _, wide_losses = trained(MODEL)
    assert narrow_losses[-1] < 0.3 * narrow_losses[0]
    assert abs(narrow_losses[-1] / wide_losses[-1] - 1) < 0.15
    assert narrow_losses != wide_losses
    for leaf in jax.tree.leaves((narrow.params, narrow.state, narrow.opt_state)):
        assert leaf.dtype == jnp.float32


def test_every_convolution_and_its_gradients_are_computed_in_bfloat16():
    model = fn.train.Policy("bfloat16").applied_to(MODEL)
    params, state = model.init(jax.random.key(0), RGB)

    def loss(params):
        y, _ = model.apply(params, state, jnp.ones((1, *RGB)), train=True)
        assert y.dtype == jnp.float32
        return jnp.square(y).mean()

    gradient = jax.grad(loss)
    lines = [line for line in str(jax.make_jaxpr(gradient)(params)).split("\n")]
    convolutions = [line for line in lines if "= conv_general_dilated[" in line]
    assert len(convolutions) >= 8
    assert all(":bf16[" in line for line in convolutions)
    shapes = jax.eval_shape(gradient, params)
    assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(shapes))


def test_a_policy_changes_neither_parameters_nor_names():
    model = fn.train.Policy().applied_to(MODEL)
    plain, cast = (m.init(jax.random.key(0), RGB) for m in (MODEL, model))
    jax.tree.map(np.testing.assert_array_equal, plain, cast)
    x = jnp.asarray(np.random.default_rng(0).random((1, *RGB)), jnp.float32)
    wide, narrow = (m.apply(*plain, x)[0] for m in (MODEL, model))
    np.testing.assert_allclose(wide, narrow, atol=0.03)
    same = fn.train.Policy("float32").applied_to(MODEL).apply(*plain, x)[0]
    np.testing.assert_array_equal(wide, same)
    assert str(model).startswith("serial(compute='bfloat16')")
    assert fn.summary(model, RGB) == fn.summary(MODEL, RGB)


def test_a_policy_that_would_need_scaled_losses_is_refused():
    with pytest.raises(fn.LayerError) as error:
        fn.train.Policy("float16")
    assert str(error.value) == "Policy: compute='float16' must be 'bfloat16' or 'float32'"
