"""The training step and loop: what is promised of them besides that the loss falls."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnnet as fn
from fnnet import optim, train, trees

# No bias before the batch norm: its gradient is rounding, which Adam would blow up to full steps.
MODEL = fn.serial(
    fn.dense(8, use_bias=False), fn.batch_norm(), fn.relu, fn.dropout(0.2), fn.dense(4)
)
OPTIMIZER = optim.chain(
    optim.clip_by_global_norm(1.0), optim.adam(fn.schedules.cosine(0.01, steps=20, warmup=2))
)


def loss(params, state, batch, key):
    y, state = MODEL.apply(params, state, batch, key=key, train=key is not None)
    return fn.losses.mse(y, batch).mean(), (state, {"largest": jnp.abs(y).max()})


def start(seed=0):
    params, state = MODEL.init(jax.random.key(seed), (4,))
    return train.init_state(params, state, OPTIMIZER)


def batches(number):
    return np.random.default_rng(number).normal(size=(16, 4)).astype(np.float32)


def fit(steps, state=None, batches=batches, **options):
    step = train.make_step(loss, OPTIMIZER)
    return train.fit(state or start(), step, batches, jax.random.key(9), steps=steps, **options)


def assert_same_bits(a, b):
    jax.tree.map(np.testing.assert_array_equal, a, b)


def test_the_loss_falls_and_the_report_adds_up():
    seen = []
    state, report = fit(20, on_step=lambda n, s, m: seen.append((n, m)))
    assert [n for n, _ in seen] == list(range(1, 21))
    assert seen[-1][1]["loss"] < seen[0][1]["loss"]
    assert set(seen[0][1]) == {"loss", "gradient_norm", "finite", "largest"}
    assert all(isinstance(value, float | bool) for value in seen[0][1].values())
    assert int(state.step) == report.steps == 20
    assert 0 <= report.waited < report.seconds
    assert report.slowest_step <= report.seconds


def test_the_loop_is_a_scan_over_the_step():
    by_loop, _ = fit(6)
    step = train.make_step(loss, OPTIMIZER)
    stacked = jnp.stack([batches(number) for number in range(6)])

    def body(state, batch):
        return step(state, batch, jax.random.key(9))

    by_scan, _ = jax.jit(lambda state: jax.lax.scan(body, state, stacked))(start())
    jax.tree.map(partial(np.testing.assert_allclose, rtol=2e-5, atol=1e-6), by_loop, by_scan)


def test_seeds_trained_together_are_seeds_trained_alone():
    step, key = train.make_step(loss, OPTIMIZER), partial(jax.random.key, 9)
    alone = []
    for seed in range(3):
        state = start(seed)
        for number in range(4):
            state, _ = step(state, batches(number), key())
        alone.append(state)
    together = jax.tree.map(lambda *leaves: jnp.stack(leaves), *map(start, range(3)))
    for number in range(4):
        together, _ = jax.vmap(step, in_axes=(0, None, None))(together, batches(number), key())
    jax.tree.map(
        partial(np.testing.assert_allclose, rtol=2e-5, atol=1e-6),
        together,
        jax.tree.map(lambda *leaves: jnp.stack(leaves), *alone),
    )


def test_the_step_is_traced_once_and_donates_the_old_state():
    traces = []

    def counted(*args):
        traces.append(1)
        return loss(*args)

    step = train.make_step(counted, OPTIMIZER)
    old = start()
    new, _ = step(old, jnp.asarray(batches(0)), jax.random.key(9))
    # The skipped count comes back unchanged, and so may keep its buffer.
    assert all(leaf.is_deleted() for leaf in jax.tree.leaves(old.params))
    assert all(leaf.is_deleted() for leaf in jax.tree.leaves(old.opt_state))
    batch, key = jnp.asarray(batches(1)), jax.random.key(9)
    with jax.transfer_guard("disallow"):
        step(new, batch, key)
    assert len(traces) == 1


def test_a_run_that_is_continued_is_the_run_that_was_not_broken():
    whole, _ = fit(8)
    first, _ = fit(8, should_stop=iter([False] * 3 + [True]).__next__)
    assert int(first.step) == 3
    second, report = fit(8, state=first)
    assert report.steps == 5
    assert_same_bits(whole, second)


def test_each_step_drops_different_values():
    step = train.make_step(loss, optim.sgd(0.0))
    params, state = MODEL.init(jax.random.key(0), (4,))
    train_state = train.init_state(params, state, optim.sgd(0.0))
    losses = []
    for _ in range(3):
        train_state, metrics = step(train_state, jnp.asarray(batches(0)), jax.random.key(9))
        losses.append(float(metrics["loss"]))
    assert len(set(losses)) == 3


def poisoned(bad):
    return lambda number: batches(number) * (np.float32("nan") if number in bad else 1)


def test_a_step_that_is_not_finite_changes_nothing_but_the_counts():
    step = train.make_step(loss, OPTIMIZER)
    state, _ = step(start(), jnp.asarray(batches(0)), jax.random.key(9))
    before = jax.tree.map(np.array, state)
    after, metrics = step(state, jnp.asarray(poisoned({1})(1)), jax.random.key(9))
    assert not metrics["finite"]
    assert_same_bits(
        (before.params, before.state, before.opt_state),
        (after.params, after.state, after.opt_state),
    )
    assert (int(after.step), int(after.skipped)) == (2, 1)


def test_a_gradient_that_is_infinite_is_not_applied_either():
    def steep(params, state, batch, key):
        value, rest = loss(params, state, batch, key)
        # The bias starts at 0, where the root is finite and its gradient is not.
        return value + jnp.sqrt(params["dense_1"]["bias"][0]), rest

    step = train.make_step(steep, OPTIMIZER)
    after, metrics = step(start(), jnp.asarray(batches(0)), jax.random.key(9))
    assert np.isfinite(metrics["loss"]) and not metrics["finite"]
    assert trees.all_finite(after.params)


def test_a_gradient_too_large_for_the_optimisers_memory_is_not_applied_either():
    def steep(params, state, batch, key):
        value, rest = loss(params, state, batch, key)
        return value + 1e25 * params["dense_1"]["bias"].sum(), rest

    optimizer = optim.adam(0.01)
    params, state = MODEL.init(jax.random.key(0), (4,))
    train_state = train.init_state(params, state, optimizer)
    after, metrics = train.make_step(steep, optimizer)(
        train_state, jnp.asarray(batches(0)), jax.random.key(9)
    )
    assert not metrics["finite"] and int(after.skipped) == 1
    assert trees.all_finite(after.opt_state)
    # The step took its own copies: what init returned can still be used.
    MODEL.apply(params, state, jnp.asarray(batches(0)))


def test_single_bad_steps_are_skipped_and_counted():
    state, _ = fit(12, batches=poisoned({3, 4, 8}), patience=3)
    assert int(state.skipped) == 3
    assert trees.all_finite(state)


def test_several_bad_steps_in_a_row_end_the_run_with_a_sentence():
    seen = []
    with pytest.raises(train.NotFiniteError) as error:
        fit(20, batches=poisoned(range(6, 20)), patience=3, on_step=lambda n, s, m: seen.append(n))
    assert str(error.value) == (
        "loss or gradients were not finite in 3 steps in a row, up to step 9; none of them was "
        "applied. A smaller learning rate may help"
    )
    assert seen == list(range(1, 9))


def test_a_finite_gradient_is_finite_however_large_or_small():
    optimizer = optim.sgd(1.0)
    step = train.make_step(lambda p, s, batch, key: (batch @ p["w"], (s, {})), optimizer)
    for size in (1e20, 1e-30):
        state = train.init_state({"w": jnp.zeros(4)}, {}, optimizer)
        state, metrics = step(state, jnp.full(4, size), jax.random.key(0))
        assert metrics["finite"] and state.params["w"][0] == -jnp.float32(size)
        np.testing.assert_allclose(metrics["gradient_norm"], 2 * size, rtol=1e-6)


def test_what_goes_wrong_while_batches_are_made_reaches_the_caller():
    def failing(number):
        if number == 3:
            raise OSError("the disk is gone")
        return batches(number)

    with pytest.raises(OSError, match="the disk is gone"):
        fit(10, batches=failing)
    with pytest.raises(TypeError, match="float"):
        fit(2.5)


def test_evaluation_trains_nothing_and_needs_no_key():
    state = start()
    first = train.evaluate(loss, state.params, state.state, batches(0))
    second = train.evaluate(loss, state.params, state.state, batches(0))
    assert set(first) == {"loss", "largest"}
    assert_same_bits(first, second)


def test_trees_name_leaves_and_find_what_is_not_finite():
    tree = {"a": {"b": jnp.ones((2, 3))}, "c": (jnp.zeros(2), jnp.array([3.0, 4.0]))}
    assert list(trees.flatten(tree)) == ["a/b", "c/0", "c/1"]
    assert_same_bits(trees.unflatten(trees.flatten(tree), tree), tree)
    assert trees.size(tree) == 10
    np.testing.assert_allclose(trees.global_norm(tree["c"]), 5)
    assert trees.all_finite(tree)
    assert not trees.all_finite({"a": jnp.array([1, jnp.inf])})
