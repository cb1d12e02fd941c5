"""What layers made of layers promise beyond the contract."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnnet as fn
from fnnet import core


def start(layer, in_shape, seed=0):
    return layer.init(jax.random.key(seed), in_shape)


def test_a_shared_layer_has_one_set_of_parameters_and_gets_the_gradient_of_all_its_uses():
    block = fn.shared(fn.dense(3, use_bias=False))
    model = fn.serial(block, block)
    params, state = start(model, (3,))
    assert fn.trees.size(params) == 9
    kernel = params["shared_0"]["dense_0"]["kernel"]
    x = jnp.asarray(np.random.default_rng(0).normal(size=(4, 3)), jnp.float32)
    y, _ = model.apply(params, state, x)
    np.testing.assert_allclose(y, x @ kernel @ kernel, rtol=1e-4, atol=1e-5)
    gradient = jax.grad(lambda p: model.apply(p, state, x)[0].sum())(params)
    by_hand = jax.grad(lambda k: (x @ k @ k).sum())(kernel)
    np.testing.assert_allclose(gradient["shared_0"]["dense_0"]["kernel"], by_hand, rtol=1e-4)


def test_the_state_of_a_shared_layer_goes_through_its_uses_in_order():
    norm = fn.shared(fn.batch_norm(momentum=0.5))
    model = fn.serial(norm, fn.stateless(lambda x: x + 10, kind="shift"), norm)
    params, state = start(model, (1,))
    _, state = model.apply(params, state, jnp.array([[1.0], [3.0]]), train=True)
    # The first use sees mean 2, the second, after normalising and shifting, mean 10.
    mean = state["shared_0"]["batch_norm_0"]["mean"]
    np.testing.assert_allclose(mean, 0.5 * (0.5 * 0 + 0.5 * 2) + 0.5 * 10, rtol=1e-5)


def test_each_use_of_a_shared_dropout_drops_anew():
    drop = fn.shared(fn.dropout(0.5))
    model = fn.serial(drop, drop)
    y, _ = model.apply({}, {}, jnp.ones((1, 1000)), key=jax.random.key(0), train=True)
    assert 200 < (y != 0).sum() < 300


def test_a_shared_branch_sees_one_layer_twice():
    block = fn.shared(fn.dense(2, use_bias=False))
    model = fn.branch(block, block)
    params, state = start(model, (3,))
    x = jnp.ones((1, 3))
    y, _ = model.apply(params, state, x)
    np.testing.assert_allclose(y, 2 * x @ params["shared_0"]["dense_0"]["kernel"], rtol=1e-6)


def test_repeat_is_the_layers_one_after_another_and_deeper_ones_start_alike():
    block = fn.residual(fn.dense(4), fn.tanh)
    model, deeper = fn.repeat(block, 3), fn.repeat(block, 5)
    params, state = start(model, (4,))
    x = jnp.asarray(np.random.default_rng(0).normal(size=(2, 4)), jnp.float32)
    expected = x
    for i in range(3):
        one = jax.tree.map(lambda leaf: leaf[i], params["residual_0"])  # noqa: B023
        expected, _ = block.apply(one, {}, expected)
    np.testing.assert_allclose(model.apply(params, state, x)[0], expected, rtol=1e-5)
    kernels = [p["residual_0"]["dense_0"]["kernel"] for p in (params, start(deeper, (4,))[0])]
    np.testing.assert_array_equal(kernels[0], kernels[1][:3])
    assert not np.array_equal(kernels[0][0], kernels[0][1])


def test_repeated_random_layers_draw_anew_each_time():
    model = fn.repeat(fn.dropout(0.5), 2)
    y, _ = model.apply({}, {}, jnp.ones((1, 1000)), key=jax.random.key(0), train=True)
    assert 200 < (y != 0).sum() < 300


def test_repeat_compiles_its_layer_once_however_deep():
    def primitives(times):
        model = fn.repeat(fn.residual(fn.dense(4), fn.relu), times)
        params, state = jax.eval_shape(lambda key: model.init(key, (4,)), jax.random.key(0))
        x = jax.ShapeDtypeStruct((1, 4), jnp.float32)
        return len(str(jax.make_jaxpr(model.apply)(params, state, x)).split("\n"))

    assert primitives(2) == primitives(50)


def test_the_gradient_of_repeated_convolutions_is_not_computed_in_a_loop_on_a_cpu():
    """In a loop XLA takes 20 times as long for it."""
    model = fn.repeat(fn.residual(fn.conv2d(2, 3)), 3)
    params, state = start(model, (4, 4, 2))
    gradient = jax.jit(jax.grad(lambda p, x: model.apply(p, state, x)[0].sum()))
    compiled = gradient.lower(params, jnp.ones((1, 4, 4, 2))).compile().as_text()
    assert (" while(" in compiled) == (jax.default_backend() != "cpu")


def test_remat_keeps_less_for_the_gradient():
    def kept(model):
        params, state = start(model, (64,))
        x = jnp.ones((256, 64))
        pull = jax.vjp(lambda p, x: model.apply(p, state, x)[0], params, x)[1]
        return sum(leaf.size for leaf in jax.tree.leaves(pull))

    block = fn.serial(fn.dense(64), fn.tanh, fn.dense(64), fn.tanh, fn.dense(64), fn.tanh)
    assert kept(fn.remat(block)) < 0.6 * kept(block)


def test_a_frozen_layer_stays_under_weight_decay_and_in_training():
    encoder = fn.serial(fn.dense(4), fn.batch_norm(), fn.dropout(0.5))
    trained = start(encoder, (4,), seed=3)
    model = fn.serial(encoder=fn.frozen(encoder, *trained), head=fn.dense(1))
    params, state = start(model, (4,))
    assert list(params) == ["head"]

    def loss(params, state, batch, key):
        y, state = model.apply(params, state, batch, key=key, train=True)
        return jnp.mean(y**2), (state, {})

    optimizer = fn.optim.sgd(0.1)
    step = fn.train.make_step(loss, optimizer)
    begun = fn.train.init_state(params, state, optimizer)
    ended, _ = step(begun, jnp.ones((8, 4)), jax.random.key(0))
    kept = ended.state["encoder"]["serial_0"]
    for found, given in zip((kept["params"], kept["state"]), trained, strict=True):
        jax.tree.map(np.testing.assert_array_equal, found, given)
    assert not np.array_equal(ended.params["head"]["kernel"], params["head"]["kernel"])


def test_a_frozen_layer_hands_the_gradient_of_its_input_on():
    layer = fn.frozen(fn.dense(2))
    params, state = start(layer, (3,))
    gradient = jax.grad(lambda x: layer.apply(params, state, x)[0].sum())(jnp.ones((1, 3)))
    kernel = state["dense_0"]["params"]["kernel"]
    np.testing.assert_allclose(gradient[0], kernel.sum(1), rtol=1e-6)


def test_a_frozen_layer_trained_elsewhere_is_not_used_up_by_a_step():
    dense = fn.dense(2)
    trained, _ = start(dense, (3,), seed=1)
    model = fn.serial(fn.frozen(dense, trained), fn.dense(1))
    optimizer = fn.optim.sgd(0.1)

    def loss(params, state, batch, key):
        y, state = model.apply(params, state, batch)
        return y.mean(), (state, {})

    begun = fn.train.init_state(*start(model, (3,)), optimizer)
    fn.train.make_step(loss, optimizer)(begun, jnp.ones((1, 3)), jax.random.key(0))
    assert jnp.isfinite(trained["kernel"]).all(), "the step has taken the given buffers"


def test_skips_inside_each_other_make_a_unet():
    unet = fn.skip(
        fn.conv2d(4, 3, stride=2),
        fn.skip(fn.conv2d(8, 3, stride=2), fn.conv_transpose2d(4, 4)),
        fn.conv_transpose2d(5, 4),
    )
    params, state = start(unet, (8, 8, 3))
    assert params["skip_0"]["conv_transpose2d_0"]["kernel"].shape == (4, 4, 8, 4)
    assert params["conv_transpose2d_0"]["kernel"].shape == (4, 4, 8, 5)
    assert core.out_shape(unet, params, state, (8, 8, 3)) == (8, 8, 8)


def test_a_layer_of_several_inputs_takes_a_tuple_of_shapes():
    model = fn.serial(
        fn.stateless(lambda pair: pair[0] + pair[1], kind="add"),
        fn.branch(fn.dense(2), fn.dense(2)),
    )
    params, state = start(model, ((4, 3), (4, 3)))
    x = jnp.ones((1, 4, 3))
    assert model.apply(params, state, (x, x))[0].shape == (1, 4, 2)


def test_an_error_inside_every_combinator_says_where_it_is():
    for combinator, name in (
        (lambda layer: fn.repeat(layer, 2), "repeat_0"),
        (fn.remat, "remat_0"),
        (fn.frozen, "frozen_0"),
        (fn.shared, "shared_0"),
        (fn.residual, "residual_0"),
        (fn.skip, "skip_0"),
        (fn.branch, "branch_0"),
    ):
        with pytest.raises(fn.LayerError) as error:
            start(fn.serial(combinator(fn.conv2d(3, 3, groups=3)), fn.relu), (8, 8, 4))
        assert str(error.value) == (
            f"in layer {name!r}, in layer 'conv2d_0', input shape (8, 8, 4): groups=3 must divide "
            "the input's 4 channels"
        )
