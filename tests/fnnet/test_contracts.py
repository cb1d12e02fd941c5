"""Every property that a layer promises, over every layer."""

from functools import partial

import gradients
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from contracts import LAYERS

import fnnet as fn
from fnnet import core

KEY = 5  # of the one key that random layers get

# For tests of JAX's transformations, which machine code has no part in: half the compile time.
UNOPTIMISED = {"xla_backend_optimization_level": 0}


def every_layer(test):
    return pytest.mark.parametrize("row", LAYERS, ids=lambda row: row.name)(test)


def every_layer_variants_slow(test, layers=LAYERS):
    """For what costs most: of the rows of one kind all but the first are marked slow."""
    kinds, rows = set(), []
    for row in layers:
        kind = row.make().kind
        marks = [pytest.mark.slow] if kind in kinds else []
        rows.append(pytest.param(row, marks=marks, id=row.name))
        kinds.add(kind)
    return pytest.mark.parametrize("row", rows)(test)


def run(layer, params, state, x, train=False):
    return layer.apply(params, state, x, key=jax.random.key(KEY) if train else None, train=train)


def trees_equal(a, b):
    return jax.tree.structure(a) == jax.tree.structure(b) and all(
        np.array_equal(x, y) for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    )


def close(a, b, tolerance):
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, tolerance, tolerance), a, b)


@every_layer
def test_apply_is_pure_and_keeps_the_state_structure(row, capfd):
    layer, (params, state), x = row.make(), row.init(), row.input()
    before = jax.tree.map(np.copy, (params, state, x))
    first = run(layer, params, state, x, train=True)
    second = run(layer, params, state, x, train=True)
    assert trees_equal(first, second)
    assert trees_equal(before, (params, state, x))
    assert capfd.readouterr() == ("", "")
    shapes = partial(jax.tree.map, lambda leaf: (leaf.shape, leaf.dtype))
    assert shapes(first[1]) == shapes(state)
    assert bool(state) == row.has_state
    untouched = run(layer, params, state, x)[1]
    assert trees_equal(untouched, state)


@every_layer
@pytest.mark.parametrize("train", [False, True])
def test_jit_equals_eager_and_traces_once(row, train):
    layer, (params, state), x = row.make(), row.init(), row.input()
    traces = []

    @jax.jit
    def jitted(params, state, x):
        traces.append(1)
        return run(layer, params, state, x, train)

    close(jitted(params, state, x), run(layer, params, state, x, train), 2e-6)
    jitted(params, state, row.input())
    assert len(traces) == 1


@every_layer
def test_a_batch_is_its_examples_one_by_one(row):
    layer, (params, state), x = row.make(), row.init(), row.input()

    def forward(x):
        return run(layer, params, state, x)[0]

    @partial(jax.jit, compiler_options=UNOPTIMISED)
    def forms(x):
        alone = jnp.concatenate([forward(x[i : i + 1]) for i in range(len(x))])
        return forward(x), alone, jax.vmap(lambda example: forward(example[None])[0])(x)

    together, alone, mapped = forms(jnp.asarray(x))
    close(together, alone, 2e-6)
    close(mapped, alone, 2e-6)


@every_layer_variants_slow
def test_seeds_under_vmap_are_seeds_one_after_another(row):
    layer, x = row.make(), jnp.asarray(row.input())
    start = partial(layer.init, in_shape=row.in_shape)

    def forward(params, state):
        return run(layer, params, state, x)[0]

    @partial(jax.jit, compiler_options=UNOPTIMISED)
    def forms(keys):
        started = jax.vmap(start)(keys)
        one_by_one = [jax.tree.map(lambda leaf: leaf[i], started) for i in range(3)]  # noqa: B023
        together = jax.vmap(forward, axis_size=3)(*started)
        return together, jnp.stack([forward(*one) for one in one_by_one]), started

    keys = jax.random.split(jax.random.key(3), 3)
    together, one_by_one, started = forms(jax.random.clone(keys))
    close(together, one_by_one, 1e-5)
    third = jax.tree.map(lambda leaf: leaf[2], started)
    close(jax.jit(start, compiler_options=UNOPTIMISED)(keys[2]), third, 1e-5)


@partial(every_layer_variants_slow, layers=[row for row in LAYERS if row.true_gradient])
def test_gradients_equal_finite_differences_and_a_planted_error_is_found(row):
    with jax.enable_x64(True):
        layer, (params, state) = row.make(), row.init(np.float64)
        f, inputs = partial(scalar, layer, state), (params, row.input(dtype=np.float64))
        value, gradient = (jax.jit(g, compiler_options=UNOPTIMISED) for g in (f, jax.grad(f)))
        gradients.check_and_plant(value, inputs, gradient(inputs))


def scalar(layer, state, inputs):
    """A number that depends on every output, in training."""
    y, _ = run(layer, inputs[0], state, inputs[1], train=True)
    weights = jnp.cos(jnp.arange(y.size, dtype=y.dtype)).reshape(y.shape)
    return jnp.sum(weights * y * (1 + 0.1 * y))


@every_layer_variants_slow
def test_every_transformation_agrees_with_the_plain_form(row):
    with jax.enable_x64(True):
        layer, (params, state) = row.make(), row.init(np.float64)
        f = partial(scalar, layer, state)
        inputs = jax.tree.map(jnp.asarray, (params, row.input(dtype=np.float64)))
        rng = np.random.default_rng(9)
        direction = jax.tree.map(lambda leaf: jnp.asarray(rng.normal(size=leaf.shape)), inputs)
        grad = jax.grad(f)

        def along(gradient):
            return sum(jax.tree.leaves(jax.tree.map(jnp.vdot, gradient, direction)))

        @partial(jax.jit, compiler_options=UNOPTIMISED)
        def forms(inputs):
            tangent = jax.jvp(f, (inputs,), (direction,))[1]
            linear = jax.linearize(f, inputs)[1](direction)
            forward_over_reverse = jax.jvp(grad, (inputs,), (direction,))[1]
            reverse_over_reverse = jax.grad(lambda i: along(grad(i)))(inputs)
            copies = jax.tree.map(lambda leaf: jnp.stack([leaf, leaf + 0.1]), inputs)
            mapped = jax.vmap(grad)(copies)
            return {
                "first": (tangent, linear, along(jax.grad(jax.remat(f))(inputs))),
                "second": (forward_over_reverse, reverse_over_reverse),
                "mapped": mapped,
            }

        found = forms(inputs)
        plain = jax.jit(grad, compiler_options=UNOPTIMISED)
        for value in found["first"]:
            close(value, along(plain(inputs)), 1e-9)
        close(*found["second"], 1e-9)
        shifted = jax.tree.map(lambda leaf: leaf + 0.1, inputs)
        for index, place in enumerate((inputs, shifted)):
            close(jax.tree.map(lambda leaf: leaf[index], found["mapped"]), plain(place), 1e-9)  # noqa: B023


@every_layer
def test_values_equal_numpy_loops_and_shapes_are_the_promised_ones(row):
    layer = row.make()
    forward = jax.jit(lambda params, state, x: run(layer, params, state, x)[0])
    for shape in (row.in_shape, *row.other_shapes):
        with jax.enable_x64(True):
            params, state = row.init(np.float64)
            x = row.input(dtype=np.float64, shape=shape)
            y = forward(params, state, x)
            expected = row.oracle(params, state, x)
            assert y.dtype == jnp.float64
            assert y.shape[1:] == core.out_shape(layer, params, state, shape)
            np.testing.assert_allclose(y, expected, 1e-12, 1e-12)
        narrow = jax.tree.map(lambda leaf: leaf.astype(np.float32), (params, state, x))
        np.testing.assert_allclose(forward(*narrow), expected, 1e-5, 1e-5)


@every_layer
@pytest.mark.parametrize("train", [False, True])
def test_dtype_of_the_input_is_kept_and_the_state_stays_float32(row, train):
    layer, (params, state), x = row.make(), row.init(), jnp.asarray(row.input())

    @partial(jax.jit, compiler_options=UNOPTIMISED)
    def forms(x):
        return [run(layer, params, state, x.astype(dtype), train) for dtype in ("f4", "bfloat16")]

    (wide, _), (narrow, new_state) = forms(x)
    assert wide.dtype == jnp.float32
    assert narrow.dtype == jnp.bfloat16
    assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(new_state))
    close(np.asarray(narrow, np.float32), np.asarray(wide), 0.1)


@every_layer
def test_keys_decide_what_is_random_and_nothing_else(row):
    layer, (params, state), x = row.make(), row.init(), row.input(20)
    apply = partial(layer.apply, params, state, x, train=True)
    with_key = jax.jit(lambda key: apply(key=key), compiler_options=UNOPTIMISED)
    first, other = with_key(jax.random.key(1)), with_key(jax.random.key(2))
    if row.is_random:
        assert trees_equal(first, with_key(jax.random.key(1)))
        assert not trees_equal(first, other)
        with pytest.raises(fn.LayerError, match="needs a key in training"):
            apply(key=None)
    else:
        assert trees_equal(first, other)
        without = jax.jit(lambda: apply(key=None), compiler_options=UNOPTIMISED)
        assert trees_equal(first, without())


@every_layer
def test_extreme_and_constant_inputs_stay_finite(row):
    layer, (params, state) = row.make(), row.init()
    signs = np.where(np.arange(row.input().size) % 3 == 0, 1, -1).reshape(row.input().shape)

    @jax.jit
    def value_and_gradient(x):
        forward = lambda p, x: run(layer, p, state, x, train=True)  # noqa: E731
        y, pull, new_state = jax.vjp(forward, params, x, has_aux=True)
        return y, pull(jnp.ones_like(y)), new_state

    for value in (0.0, 1e-30, -1e-30, 1.0, 1e30, -1e30):
        value = np.clip(value, -row.limit, row.limit)
        for x in (np.full(signs.shape, value, np.float32), (signs * value).astype(np.float32)):
            for leaf in jax.tree.leaves(value_and_gradient(x)):
                assert np.isfinite(leaf).all(), value


@every_layer
def test_a_checkpoint_keeps_every_bit(row, tmp_path):
    params, state = row.make().init(jax.random.key(0), row.in_shape)
    tree = {"params": params, "state": state}
    fn.save(tmp_path / "model.safetensors", tree)
    loaded, _ = fn.checkpoint.restore(tmp_path / "model.safetensors", tree)
    assert trees_equal(loaded, tree)
