"""Every property that a layer promises, over every layer."""

from functools import cache, partial

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


@cache
def on_example(row):
    """Compile all that a row's properties read of an example in float32, optimised.

    Returns a function of (images, key) and the list of its traces. Properties share the program,
    since compiling takes nearly all of the time of these tests.
    """
    layer, (params, state), traces = row.make(), row.init(), []

    @jax.jit
    def forms(x, key):
        traces.append(1)

        def trained(params, x):
            return layer.apply(params, state, x, key=jax.random.clone(key), train=True)

        y, pull, new_state = jax.vjp(trained, params, x, has_aux=True)
        return {
            "inference": run(layer, params, state, x),
            "training": trained(params, x),
            "keyless": None if row.is_random else layer.apply(params, state, x, train=True),
            "with gradient": (y, pull(jnp.ones_like(y)), new_state),
        }

    return forms, traces


@cache
def outputs(row):
    """Run `on_example` on the row's example."""
    return on_example(row)[0](row.input(), jax.random.key(KEY))


@cache
def variants(row):
    """Run a row's layer in one unoptimised program: in parts, mapped, and in bfloat16."""
    layer, (params, state) = row.make(), row.init()

    def forward(x):
        return run(layer, params, state, x)[0]

    @partial(jax.jit, compiler_options=UNOPTIMISED)
    def forms(x):
        narrow = x.astype(jnp.bfloat16)
        return {
            "together": forward(x),
            "alone": jnp.concatenate([forward(x[i : i + 1]) for i in range(len(x))]),
            "mapped": jax.vmap(lambda example: forward(example[None])[0])(x),
            "narrow": [run(layer, params, state, narrow, train) for train in (False, True)],
        }

    return forms(row.input())


@cache
def in_float64(row):
    """Compile a number made of all outputs in training, and its gradient, unoptimised."""
    layer, (params, state) = row.make(), row.init(np.float64)

    def scalar(inputs):
        y, _ = run(layer, inputs[0], state, inputs[1], train=True)
        weights = jnp.cos(jnp.arange(y.size, dtype=y.dtype)).reshape(y.shape)
        return jnp.sum(weights * y * (1 + 0.1 * y))

    gradient = jax.jit(jax.grad(scalar), compiler_options=UNOPTIMISED)
    return scalar, gradient, (params, row.input(dtype=np.float64))


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
    jitted = outputs(row)["training" if train else "inference"]
    close(jitted, run(layer, params, state, x, train), 2e-6)
    forms, traces = on_example(row)
    forms(row.input(), jax.random.key(KEY))
    assert len(traces) == 1


@every_layer
def test_a_batch_is_its_examples_one_by_one(row):
    forms = variants(row)
    close(forms["together"], forms["alone"], 2e-6)
    close(forms["mapped"], forms["alone"], 2e-6)


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
        third = start(jax.random.clone(keys)[2])
        return together, jnp.stack([forward(*one) for one in one_by_one]), started, third

    together, one_by_one, started, third = forms(jax.random.split(jax.random.key(3), 3))
    close(together, one_by_one, 1e-5)
    close(third, jax.tree.map(lambda leaf: np.asarray(leaf)[2], started), 1e-5)


@partial(every_layer_variants_slow, layers=[row for row in LAYERS if row.true_gradient])
def test_gradients_equal_finite_differences_and_a_planted_error_is_found(row):
    with jax.enable_x64(True):
        scalar, gradient, inputs = in_float64(row)
        value = jax.jit(scalar, compiler_options=UNOPTIMISED)
        gradients.check_and_plant(value, inputs, gradient(inputs))


@every_layer_variants_slow
def test_every_transformation_agrees_with_the_plain_form(row):
    with jax.enable_x64(True):
        f, plain, inputs = in_float64(row)
        grad = jax.grad(f)
        rng = np.random.default_rng(9)
        direction = jax.tree.map(lambda leaf: rng.normal(size=leaf.shape), inputs)
        copies = jax.tree.map(lambda leaf: np.stack([leaf, leaf + 0.1]), inputs)

        def along(gradient, vdot=jnp.vdot):
            return sum(jax.tree.leaves(jax.tree.map(vdot, gradient, direction)))

        @partial(jax.jit, compiler_options=UNOPTIMISED)
        def forms(inputs, copies):
            tangent = jax.jvp(f, (inputs,), (direction,))[1]
            linear = jax.linearize(f, inputs)[1](direction)
            forward_over_reverse = jax.jvp(grad, (inputs,), (direction,))[1]
            reverse_over_reverse = jax.grad(lambda i: along(grad(i)))(inputs)
            return {
                "first": (tangent, linear, along(jax.grad(jax.remat(f))(inputs))),
                "second": (forward_over_reverse, reverse_over_reverse),
                "mapped": jax.vmap(grad)(copies),
            }

        transformed = forms(inputs, copies)
        for value in transformed["first"]:
            close(value, along(plain(inputs), np.vdot), 1e-9)
        close(*transformed["second"], 1e-9)
        mapped = jax.tree.map(np.asarray, transformed["mapped"])
        for index in range(2):
            at = partial(jax.tree.map, lambda leaf: leaf[index])  # noqa: B023
            close(at(mapped), plain(at(copies)), 1e-9)


@every_layer
def test_values_equal_numpy_loops_and_shapes_are_the_promised_ones(row):
    layer, shapes = row.make(), (row.in_shape, *row.other_shapes)
    inputs = [row.input(dtype=np.float64, shape=shape) for shape in shapes]

    @jax.jit
    def forward(params, state, inputs):
        return [run(layer, params, state, x)[0] for x in inputs]

    with jax.enable_x64(True):
        params, state = row.init(np.float64)
        expected = [np.asarray(row.oracle(params, state, x)) for x in inputs]
        values = forward(params, state, inputs)
        for y, oracle, shape in zip(values, expected, shapes, strict=True):
            assert y.dtype == jnp.float64
            assert y.shape[1:] == core.out_shape(layer, params, state, shape)
            np.testing.assert_allclose(y, oracle, 1e-12, 1e-12)
    narrow = jax.tree.map(lambda leaf: leaf.astype(np.float32), (params, state, inputs))
    for y, oracle in zip(forward(*narrow), expected, strict=True):
        np.testing.assert_allclose(y, oracle, 1e-5, 1e-5)


@every_layer
@pytest.mark.parametrize("train", [False, True])
def test_dtype_of_the_input_is_kept_and_the_state_stays_float32(row, train):
    wide, _ = outputs(row)["training" if train else "inference"]
    narrow, new_state = variants(row)["narrow"][train]
    assert wide.dtype == jnp.float32
    assert narrow.dtype == jnp.bfloat16
    assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(new_state))
    close(np.asarray(narrow, np.float32), np.asarray(wide), 0.1)


@every_layer
def test_keys_decide_what_is_random_and_nothing_else(row):
    forms, _ = on_example(row)
    first, other = (forms(row.input(), jax.random.key(seed)) for seed in (1, 2))
    if row.is_random:
        again = forms(row.input(), jax.random.key(1))
        assert trees_equal(first["training"], again["training"])
        assert not trees_equal(first["training"], other["training"])
        layer, (params, state) = row.make(), row.init()
        with pytest.raises(fn.LayerError, match="needs a key during training"):
            layer.apply(params, state, row.input(), key=None, train=True)
    else:
        assert trees_equal(first["training"], other["training"])
        assert trees_equal(first["training"], first["keyless"])


@every_layer
def test_extreme_and_constant_inputs_stay_finite(row):
    forms, _ = on_example(row)
    signs = np.where(np.arange(row.input().size) % 3 == 0, 1, -1).reshape(row.input().shape)
    for value in (0.0, 1e-30, -1e-30, 1.0, 1e30, -1e30):
        value = np.clip(value, -row.limit, row.limit)
        for x in (np.full(signs.shape, value, np.float32), (signs * value).astype(np.float32)):
            for leaf in jax.tree.leaves(forms(x, jax.random.key(KEY))["with gradient"]):
                assert np.isfinite(leaf).all(), value


@every_layer
def test_a_checkpoint_keeps_every_bit(row, tmp_path):
    params, state = row.make().init(jax.random.key(0), row.in_shape)
    tree = {"params": params, "state": state}
    fn.save(tmp_path / "model.safetensors", tree)
    loaded, _ = fn.checkpoint.restore(tmp_path / "model.safetensors", tree)
    assert trees_equal(loaded, tree)
