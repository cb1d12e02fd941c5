"""Optimisers: first steps by hand, convergence."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnnet as fn
from fnnet import optim, schedules

GRADIENTS = [0.5, -1.0, 2.0]


def updates_of(optimizer, gradients=GRADIENTS):
    """Feed scalar gradients one after another; give the updates, traced once."""
    params = {"w": jnp.zeros(1)}
    traces = []

    @jax.jit
    def update(grads, state, step):
        traces.append(1)
        return optimizer.update(grads, state, params, step)

    state, updates = optimizer.init(params), []
    for step, gradient in enumerate(gradients):
        update_, state = update({"w": jnp.array([gradient])}, state, jnp.int32(step))
        updates.append(float(update_["w"][0]))
    assert len(traces) == 1
    return updates


def test_sgd_steps_down_the_gradient():
    assert updates_of(optim.sgd(0.1)) == pytest.approx([-0.05, 0.1, -0.2])


def test_momentum_equals_three_steps_by_hand():
    v1 = 0.5
    v2 = 0.9 * v1 - 1.0
    v3 = 0.9 * v2 + 2.0
    assert updates_of(optim.momentum(0.1)) == pytest.approx([-0.1 * v for v in (v1, v2, v3)])


def test_adam_equals_three_steps_by_hand():
    m = v = 0.0
    expected = []
    for t, g in enumerate(GRADIENTS, 1):
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        expected.append(-0.1 * (m / (1 - 0.9**t)) / (math.sqrt(v / (1 - 0.999**t)) + 1e-8))
    assert updates_of(optim.adam(0.1)) == pytest.approx(expected, rel=1e-5)


def test_adam_without_memory_is_the_sign_of_the_gradient():
    steps = updates_of(optim.adam(0.1, beta1=0.0, beta2=0.0))
    assert steps == pytest.approx([-0.1, 0.1, -0.1])


def test_clipping_scales_by_the_norm_over_all_leaves_and_only_down():
    clip = optim.clip_by_global_norm(1.0)
    large = {"a": jnp.array([3.0]), "b": jnp.array([[4.0]])}
    clipped, _ = clip.update(large, clip.init(large), large, 0)
    np.testing.assert_allclose(clipped["a"], [0.6], rtol=1e-6)
    np.testing.assert_allclose(clipped["b"], [[0.8]], rtol=1e-6)
    small = {"a": jnp.array([0.3]), "b": jnp.array([[0.0]])}
    assert clip.update(small, (), small, 0)[0]["a"] == small["a"]
    zero = jax.tree.map(jnp.zeros_like, small)
    assert clip.update(zero, (), zero, 0)[0]["a"] == 0


def test_chained_links_feed_each_other_in_order():
    chain = optim.chain(optim.clip_by_global_norm(1.0), optim.momentum(0.1))
    assert updates_of(chain, [5.0, 5.0]) == pytest.approx([-0.1, -0.19])


@pytest.mark.parametrize(
    ("optimizer", "steps"),
    [
        (optim.sgd(0.002), 6000),
        (optim.momentum(0.0005), 4000),
        (optim.adam(schedules.cosine(0.1, steps=1500)), 1500),
    ],
    ids=["sgd", "momentum", "adam"],
)
def test_every_optimiser_finds_the_minimum_of_rosenbrock(optimizer, steps):
    def rosenbrock(p):
        return (1 - p["x"]) ** 2 + 100 * (p["y"] - p["x"] ** 2) ** 2

    @jax.jit
    def minimise(params):
        def body(step, carry):
            params, state = carry
            updates, state = optimizer.update(jax.grad(rosenbrock)(params), state, params, step)
            return optim.apply_updates(params, updates), state

        return jax.lax.fori_loop(0, steps, body, (params, optimizer.init(params)))[0]

    found = minimise({"x": jnp.float32(-0.5), "y": jnp.float32(0.5)})
    assert abs(found["x"] - 1) < 0.1 and abs(found["y"] - 1) < 0.2


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (lambda: optim.momentum(0.1, decay=1.0), "momentum: decay=1.0 must be in [0, 1)"),
        (lambda: optim.adam(0.1, beta1=1), "adam: beta1=1 must be in [0, 1)"),
        (lambda: optim.adam(0.1, beta2=-0.1), "adam: beta2=-0.1 must be in [0, 1)"),
        (lambda: optim.adam(0.1, epsilon=0), "adam: epsilon=0 must be above 0"),
        (
            lambda: optim.clip_by_global_norm(0),
            "clip_by_global_norm: limit=0 must be above 0",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "-",
)
def test_a_wrong_setting_is_refused(build, sentence):
    with pytest.raises(fn.LayerError) as error:
        build()
    assert str(error.value) == sentence
