"""Optimisers and links: first steps by hand, convergence, and what every one of them promises."""

import doctest
import sys
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from contracts_training import OPTIMIZERS
from optimizer_runs import RATE, compiled, problem, run
from public_names import public_names

import fnnet as fn
from fnnet import checkpoint_series, optim, schedules, train, trees


def every_optimizer(test):
    return pytest.mark.parametrize("row", OPTIMIZERS.values(), ids=lambda row: row.name)(test)


def close(a, b, tolerance):
    jax.tree.map(partial(np.testing.assert_allclose, rtol=tolerance, atol=tolerance / 100), a, b)


def assert_same_bits(a, b):
    jax.tree.map(np.testing.assert_array_equal, a, b)


def described(tree):
    return jax.tree.structure(tree), [(leaf.shape, leaf.dtype) for leaf in jax.tree.leaves(tree)]


def by_hand(row, params, grads):
    wide = [
        {path: np.float64(leaf) for path, leaf in trees.flatten(tree).items()}
        for tree in (params, *grads)
    ]
    return row.oracle(wide[1:], wide[0])


def test_every_public_optimiser_has_a_row():
    helpers = {"Optimizer", "apply_updates"}
    assert set(public_names(optim)) - helpers == set(OPTIMIZERS), (
        "contracts_training.py needs a row"
    )
    assert helpers < set(public_names(optim))


@every_optimizer
def test_the_first_steps_are_the_formula_s(row):
    _, updates, _, _ = compiled(row.name)
    for found, expected in zip(updates, by_hand(row, *problem()), strict=True):
        close(trees.flatten(found), expected, 5e-4 if row.matrices else 2e-5)


@every_optimizer
def test_seeds_stepped_together_are_each_the_formula_s_in_float64(row):
    with jax.enable_x64(True):
        seeds = [problem(seed, np.float64) for seed in range(2)]
        params, grads = jax.tree.map(lambda *leaves: jnp.stack(leaves), *seeds)
        optimizer = row.make(RATE)
        together = optim.Optimizer(jax.vmap(optimizer.init), jax.jit(jax.vmap(optimizer.update)))
        # The step too has an axis, as it has where training states are stacked.
        updates, states = run(together.update, together, params, grads, steps_shape=(2,))
        assert all(described(update) == described(params) for update in updates)
        assert described(states[-1]) == described(states[0])
        for seed, alone in enumerate(seeds):
            for found, expected in zip(updates, by_hand(row, *alone), strict=True):
                close({path: u[seed] for path, u in trees.flatten(found).items()}, expected, 1e-10)


@every_optimizer
def test_a_state_keeps_its_structure_and_a_second_step_is_not_traced(row):
    _, updates, states, traces = compiled(row.name)
    assert all(described(state) == described(states[0]) for state in states)
    assert all(described(update) == described(problem()[0]) for update in updates)
    assert len(traces) == 1


@every_optimizer
def test_parameters_in_bfloat16_stay_and_are_remembered_in_float32(row):
    params, grads = problem(dtype=jnp.bfloat16)
    optimizer = row.make(RATE)
    state = optimizer.init(params)
    # What was kept in bfloat16 could not follow: a decay of 0.999 is 1 there.
    assert {leaf.dtype.name for leaf in jax.tree.leaves(state)} <= {"float32", "int32"}
    updates, new = jax.eval_shape(optimizer.update, grads[0], state, params, jnp.int32(0))
    assert described(updates) == described(params)
    assert described(new) == described(state)
    assert described(jax.eval_shape(optim.apply_updates, params, updates)) == described(params)


def test_steps_in_bfloat16_are_those_of_float32_rounded():
    row = OPTIMIZERS["adam"]
    params, grads = problem(dtype=jnp.bfloat16)
    updates, _ = run(jax.jit(row.make(RATE).update), row.make(RATE), params, grads)
    for found, expected in zip(updates, by_hand(row, params, grads), strict=True):
        for path, leaf in trees.flatten(found).items():
            np.testing.assert_allclose(np.float64(leaf), expected[path], rtol=2**-8)


@every_optimizer
def test_a_state_goes_through_a_checkpoint_bit_for_bit(row, tmp_path):
    update, _, states, _ = compiled(row.name)
    tree = {"params": problem()[0], "opt": states[2], "step": jnp.int32(2)}
    checkpoint_series.save_step(tmp_path, 2, tree)
    back, _, step = checkpoint_series.restore_newest(tmp_path, jax.eval_shape(lambda: tree))
    assert step == 2
    assert_same_bits(back, tree)
    gradient = problem()[1][2]
    after, before = ([t["opt"], t["params"], t["step"]] for t in (back, tree))
    assert_same_bits(update(gradient, *after), update(gradient, *before))


# What has its minimum where an optimiser must end: valleys for all, matrices for Muon.
RNG = np.random.default_rng(3)
FACTOR, TARGET, GOAL = (np.float32(RNG.normal(size=s)) for s in ((12, 4), (12, 3), (3, 5)))
CURVATURES = np.float32([1, 10, 100])


def valleys(params):
    x, y = params["kernel"]
    rosenbrock = (1 - x) ** 2 + 100 * (y - x**2) ** 2
    distance = params["bias"] - jnp.array([1, -2, 0.5])
    return rosenbrock + 0.5 * jnp.sum(CURVATURES * distance**2)


def matrices(params):
    residual = FACTOR @ params["least_squares"] - TARGET
    return 0.5 * jnp.sum((params["quadratic"] - GOAL) ** 2) + 0.5 * jnp.sum(residual**2)


@every_optimizer
def test_every_optimiser_finds_the_minimum(row):
    optimizer = row.make(schedules.cosine(row.peak, steps=row.steps))
    if row.matrices:
        loss = matrices
        start = {"least_squares": jnp.zeros((4, 3)), "quadratic": jnp.zeros((3, 5))}
        expected = {"least_squares": np.linalg.lstsq(FACTOR, TARGET)[0], "quadratic": GOAL}
    else:
        loss = valleys
        start = {"kernel": jnp.array([-0.5, 0.5]), "bias": jnp.zeros(3)}
        expected = {"kernel": [1, 1], "bias": [1, -2, 0.5]}

    @jax.jit
    def minimise(params):
        def body(step, carry):
            params, state = carry
            updates, state = optimizer.update(jax.grad(loss)(params), state, params, step)
            return optim.apply_updates(params, updates), state

        return jax.lax.fori_loop(0, row.steps, body, (params, optimizer.init(params)))[0]

    for path, found in minimise(start).items():
        np.testing.assert_allclose(found, expected[path], atol=0.05)


def test_adam_without_memory_is_the_sign_of_the_gradient():
    optimizer = optim.adam(0.1, beta1=0.0, beta2=0.0)
    params = {"w": jnp.zeros(3)}
    gradient = {"w": jnp.array([0.5, -1e-3, 20.0])}
    for step in range(3):
        updates, _ = optimizer.update(gradient, optimizer.init(params), params, step)
        np.testing.assert_allclose(updates["w"], [-0.1, 0.1, -0.1], rtol=1e-4)


def test_bias_correction_holds_after_a_million_steps():
    optimizer, params = optim.adam(1.0), {"w": jnp.zeros(1)}
    state = {"first_moment": {"w": jnp.full(1, 0.5)}, "second_moment": {"w": jnp.full(1, 4.0)}}
    updates, _ = optimizer.update({"w": jnp.zeros(1)}, state, params, jnp.int32(1_000_000))
    np.testing.assert_allclose(updates["w"], [-0.45 / np.sqrt(3.996)], rtol=1e-6)


@pytest.mark.parametrize("name", ["adam", "muon"])
def test_a_gradient_of_zeros_moves_nothing(name):
    params, _ = problem()
    zeros = jax.tree.map(jnp.zeros_like, params)
    update, _, states, _ = compiled(name)
    updates, state = update(zeros, states[0], params, jnp.int32(0))
    assert_same_bits(updates, zeros)
    assert trees.all_finite(state)


@pytest.mark.parametrize("shape", [(40, 8), (8, 40), (16, 16), (3, 3, 4, 6)])
def test_muon_makes_matrices_orthogonal_whatever_their_scale(shape):
    optimizer = optim.muon(1.0)
    params = {"kernel": jnp.asarray(np.random.default_rng(5).normal(size=shape), jnp.float32)}
    update = jax.jit(lambda grads: optimizer.update(grads, optimizer.init(params), params, 0)[0])
    found = update(params)["kernel"]
    rows, columns = matrix = np.reshape(found, (-1, shape[-1])).shape
    singular = np.linalg.svd(np.reshape(found, matrix), compute_uv=False)
    scaled = singular / (0.2 * np.sqrt(max(rows, columns)))
    assert scaled.min() > 0.68 and scaled.max() < 1.21
    for exponent in (-100, 100):  # squares leave float32's range
        same = update({"kernel": params["kernel"] * 2.0**exponent})["kernel"]
        np.testing.assert_allclose(same, found, rtol=1e-3, atol=1e-4)


def test_clipping_limits_every_number():
    updates, _ = optim.clip(0.5).update({"w": jnp.array([-2.0, -0.5, 0.1, 7.0])}, (), None, 0)
    np.testing.assert_array_equal(updates["w"], np.float32([-0.5, -0.5, 0.1, 0.5]))


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


@pytest.mark.parametrize("size", [1e-30, 1e25])
def test_a_norm_is_right_where_squares_leave_the_range(size):
    grads = {"a": jnp.full(3, size), "b": jnp.full((2, 3), -size)}
    np.testing.assert_allclose(trees.global_norm(grads), 3 * size, rtol=1e-6)
    clip = optim.clip_by_global_norm(min(1.0, size))
    clipped, _ = jax.jit(clip.update)(grads, (), grads, 0)
    np.testing.assert_allclose(trees.global_norm(clipped), min(1.0, size), rtol=1e-6)


def test_a_norm_keeps_what_is_not_finite_and_has_a_gradient():
    assert trees.global_norm({}) == 0 and trees.global_norm({"a": jnp.zeros(2)}) == 0
    assert trees.global_norm([jnp.array([1, -jnp.inf])]) == jnp.inf
    assert jnp.isnan(trees.global_norm([jnp.array([jnp.inf, jnp.nan]), jnp.ones(2)]))
    slope = jax.grad(trees.global_norm)(jnp.array([3.0, -4.0]))
    np.testing.assert_allclose(slope, [0.6, -0.8], rtol=1e-6)


def test_chained_links_feed_each_other_in_order():
    params = {"w": jnp.zeros(1)}
    chain = optim.chain(optim.clip_by_global_norm(1.0), optim.momentum(0.1))
    updates, _ = run(chain.update, chain, params, [{"w": jnp.full(1, 5.0)}] * 2)
    assert [float(update["w"][0]) for update in updates] == pytest.approx([-0.1, -0.19])


def test_a_rate_may_be_traced_or_a_function_of_python_numbers():
    grads = {"w": jnp.ones(2)}
    by_rate = jax.vmap(lambda rate: optim.sgd(rate).update(grads, (), grads, 0)[0]["w"])
    np.testing.assert_allclose(by_rate(jnp.array([0.1, 0.2])), [[-0.1] * 2, [-0.2] * 2])
    assert optim.sgd(lambda step: 0.5).update(grads, (), grads, 0)[0]["w"][0] == -0.5


def descend(optimizer, batches, rate_of_loss=1.0):
    """Train one number by `make_step`; a batch is its gradient. Give the states."""
    step = train.make_step(lambda p, s, batch, key: (batch * p["w"], (s, {})), optimizer)
    state = train.init_state({"w": jnp.zeros(())}, {}, optimizer)
    seen = []
    for batch in batches:
        state, _ = step(state, jnp.float32(batch), jax.random.key(0))
        seen.append(jax.tree.map(np.array, state))
    return seen


def test_accumulation_divides_by_the_gradients_that_it_has():
    optimizer = optim.accumulate(optim.sgd(schedules.piecewise([1.0, 0.5], [1])), 3)
    nan = float("nan")
    weights = [float(s.params["w"]) for s in descend(optimizer, [1, 2, 6, 4, nan, 8])]
    np.testing.assert_allclose(weights, [0, 0, -3, -3, -3, -3 - 0.5 * 6])
    # Where the last of three is not finite, the first two are not lost and not counted twice.
    states = descend(optimizer, [1, 2, nan, 4, 5, 6])
    np.testing.assert_allclose([s.params["w"] for s in states], [0, 0, 0, 0, 0, -0.5 * 3.6])
    assert [int(s.opt_state["count"]) for s in states] == [1, 2, 2, 3, 4, 0]
    assert states[-1].opt_state["sum"]["w"] == 0


def test_accumulation_runs_the_optimiser_only_when_it_steps():
    ran = []

    def update(grads, state, params, step):
        jax.debug.callback(lambda step: ran.append(int(step)), step)
        return grads, state

    descend(optim.accumulate(optim.Optimizer(lambda params: (), update), 4), range(12))
    jax.effects_barrier()
    assert ran == [0, 1, 2]


def test_the_average_of_weights_follows_them_by_hand():
    optimizer = optim.chain(optim.sgd(1.0), optim.ema(0.75))
    states = descend(optimizer, [-8, 4, 0])
    np.testing.assert_allclose([s.params["w"] for s in states], [8, 4, 4])
    averages = [s.opt_state[-1]["average"]["w"] for s in states]
    np.testing.assert_allclose(averages, [2, 0.75 * 2 + 1, 0.75 * 2.5 + 1])


@pytest.mark.parametrize(
    ("gradient", "rate"),
    [(np.nan, 0.1), (np.inf, 0.1), (1e25, 0.1), (1e10, 1e30)],
    ids=["nan", "infinite", "second moment overflows", "update overflows"],
)
def test_what_is_not_finite_is_never_applied(gradient, rate):
    inner = optim.momentum(rate) if rate == 1e30 else optim.adam(rate)
    optimizer = optim.skip_not_finite(inner)
    params = {"a": jnp.ones(2), "b": jnp.ones(())}
    state = optimizer.init(params)
    _, state = optimizer.update(params, state, params, 0)
    bad = {"a": jnp.array([1.0, gradient]), "b": jnp.ones(())}
    updates, after = optimizer.update(bad, state, params, 1)
    assert_same_bits(updates, jax.tree.map(np.zeros_like, params))
    assert_same_bits(after["inner"], state["inner"])
    assert (int(state["skipped"]), int(after["skipped"])) == (0, 1)
    updates, after = optimizer.update(params, after, params, 2)
    assert updates["b"] != 0 and int(after["skipped"]) == 1


def test_parts_are_flat_dicts_by_path():
    seen = {}

    def remember(name):
        def init(params):
            seen[name] = list(params)
            return ()

        return optim.Optimizer(init, lambda grads, state, params, step: (grads, state))

    optimizers = {"kernels": remember("kernels"), "others": remember("others")}
    label = lambda path: "kernels" if path.endswith("kernel") else "others"  # noqa: E731
    params, _ = problem()
    optim.partition(optimizers, label).init(params)
    assert seen == {"kernels": ["conv/kernel", "dense/kernel"], "others": ["dense/bias"]}


def test_a_part_with_a_rate_of_zero_stays():
    optimizers = {"frozen": optim.sgd(0.0), "trained": optim.adam(0.1)}
    label = lambda path: "frozen" if path.startswith("conv/") else "trained"  # noqa: E731
    params, grads = problem()
    optimizer = optim.partition(optimizers, label)
    updates, _ = optimizer.update(grads[0], optimizer.init(params), params, 0)
    assert not np.any(updates["conv"]["kernel"])
    np.testing.assert_allclose(np.abs(updates["dense"]["bias"]), 0.1, rtol=1e-5)


def test_a_plateau_scales_the_rate_in_the_loop_without_a_new_trace():
    plateau = schedules.reduce_on_plateau(factor=0.5, patience=2)
    optimizer = optim.chain(optim.sgd(1.0), optim.scale_by_schedule(plateau))
    traces = []

    def loss(params, state, batch, key):
        traces.append(1)
        return batch * params["w"], (state, {})

    step = train.make_step(loss, optimizer)
    state = train.init_state({"w": jnp.zeros(())}, {}, optimizer)
    weights = []
    for value in (3.0, 4.0, float("nan"), 2.0, 2.0, 2.0, 2.0):
        state, metrics = step(state, jnp.float32(1), jax.random.key(0))
        assert metrics["finite"]
        weights.append(float(state.params["w"]))
        first, second = state.opt_state
        state = state._replace(opt_state=(first, plateau.update(second, value)))
    # Halved after 4 and NaN, which do not improve on 3, and after two more 2 that do not on 2.
    np.testing.assert_allclose(np.diff(weights), [-1, -1, -0.5, -0.5, -0.5, -0.25])
    assert len(traces) == 1


def test_the_examples_in_docstrings_run():
    failures, tries = doctest.testmod(sys.modules["fnnet.optim.transforms"])
    assert (failures, tries > 5) == (0, True)


ADAM = "; call it: optim.adam(learning_rate)"


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (
            lambda: optim.adam("1e-3"),
            "adam: learning_rate='1e-3' must be a number or a schedule",
        ),
        (
            lambda: optim.adam(None),
            "adam: learning_rate=None must be a number or a schedule",
        ),
        (
            lambda: optim.sgd(np.ones(1)),
            "sgd: learning_rate=array([1.]) must be a number or a schedule",
        ),
        (
            lambda: optim.adamw(0.1, mask="kernel"),
            "decay_weights: mask='kernel' must be a function",
        ),
        (
            lambda: optim.chain(optim.clip(1.0), optim.adam),
            f"chain needs an Optimizer, got a function{ADAM}",
        ),
        (
            lambda: optim.chain([optim.clip(1.0)]),
            "chain needs an Optimizer, got a list",
        ),
        (
            lambda: optim.accumulate(optim.adam, 2),
            f"accumulate needs an Optimizer, got a function{ADAM}",
        ),
        (
            lambda: optim.skip_not_finite(0.1),
            "skip_not_finite needs an Optimizer, got a float",
        ),
        (
            lambda: optim.partition({"all": optim.sgd}, str),
            f"partition: 'all' needs an Optimizer, got a function{ADAM}",
        ),
        (
            lambda: optim.partition([optim.sgd(0.1)], str),
            "partition needs a dict of optimizers, got a list",
        ),
        (
            lambda: optim.partition({"all": optim.sgd(0.1)}, "all"),
            "partition: label='all' must be a function",
        ),
        (
            lambda: train.make_step(None, optim.adam),
            f"make_step needs an Optimizer, got a function{ADAM}",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "-",
)
def test_a_setting_of_a_wrong_kind_is_refused_when_it_is_written(build, sentence):
    with pytest.raises(TypeError) as error:
        build()
    assert str(error.value) == sentence


def label_bias(params):
    optimizers = {"kernels": optim.sgd(0.1), "biases": optim.sgd(0.2)}
    return optim.partition(optimizers, params.get).init({path: jnp.ones(1) for path in params})


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (
            lambda: optim.sgd(-0.1),
            "sgd: learning_rate=-0.1 must be finite and at least 0",
        ),
        (
            lambda: optim.adam(float("nan")),
            "adam: learning_rate=nan must be finite and at least 0",
        ),
        (
            lambda: optim.adamw(float("inf")),
            "adamw: learning_rate=inf must be finite and at least 0",
        ),
        (
            lambda: optim.adam(np.float32(-0.5)),
            "adam: learning_rate=-0.5 must be finite and at least 0",
        ),
        (
            lambda: optim.sgd(np.array(np.inf)),
            "sgd: learning_rate=inf must be finite and at least 0",
        ),
        (
            lambda: optim.decay_weights(jnp.array(jnp.nan)),
            "decay_weights: rate=nan must be finite and at least 0",
        ),
        (
            lambda: optim.muon(-1),
            "muon: learning_rate=-1 must be finite and at least 0",
        ),
        (
            lambda: optim.adam(schedules.reduce_on_plateau()),
            "a Plateau is no schedule, it needs losses; optim.scale_by_schedule takes it",
        ),
        (lambda: optim.momentum(0.1, decay=1.0), "momentum: decay=1.0 must be in [0, 1)"),
        (lambda: optim.nesterov(0.1, decay=-0.1), "nesterov: decay=-0.1 must be in [0, 1)"),
        (lambda: optim.adagrad(0.1, epsilon=0), "adagrad: epsilon=0 must be above 0"),
        (lambda: optim.rmsprop(0.1, decay=1), "rmsprop: decay=1 must be in [0, 1)"),
        (lambda: optim.rmsprop(0.1, epsilon=-1), "rmsprop: epsilon=-1 must be above 0"),
        (lambda: optim.adam(0.1, beta1=1), "adam: beta1=1 must be in [0, 1)"),
        (lambda: optim.adam(0.1, beta2=-0.1), "adam: beta2=-0.1 must be in [0, 1)"),
        (lambda: optim.adam(0.1, epsilon=0), "adam: epsilon=0 must be above 0"),
        (lambda: optim.adamw(0.1, beta1=1), "adamw: beta1=1 must be in [0, 1)"),
        (lambda: optim.adamw(0.1, decay=-0.1), "adamw: decay=-0.1 must be finite and at least 0"),
        (lambda: optim.adamw(0.1, decay=np.inf), "adamw: decay=inf must be finite and at least 0"),
        (lambda: optim.amsgrad(0.1, beta2=1), "amsgrad: beta2=1 must be in [0, 1)"),
        (lambda: optim.lion(0.1, beta1=1.5), "lion: beta1=1.5 must be in [0, 1)"),
        (lambda: optim.lion(0.1, beta2=1), "lion: beta2=1 must be in [0, 1)"),
        (lambda: optim.muon(0.1, decay=1), "muon: decay=1 must be in [0, 1)"),
        (lambda: optim.clip(0), "clip: limit=0 must be above 0"),
        (
            lambda: optim.clip_by_global_norm(0),
            "clip_by_global_norm: limit=0 must be above 0",
        ),
        (
            lambda: optim.decay_weights(-1),
            "decay_weights: rate=-1 must be finite and at least 0",
        ),
        (lambda: optim.ema(1), "ema: decay=1 must be in [0, 1)"),
        (
            lambda: optim.accumulate(optim.sgd(0.1), 2.5),
            "accumulate: every=2.5 must be an integer of at least 1",
        ),
        (
            lambda: optim.partition({}, str),
            "partition: optimizers={} must name at least one",
        ),
        (
            lambda: label_bias({"kernel": "kernels", "bias": "offsets"}),
            "partition: bias: label 'offsets' must be one of 'kernels', 'biases'",
        ),
        (
            lambda: label_bias({"kernel": "kernels"}),
            "partition: optimizer 'biases' must get at least one of the leaves",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "-",
)
def test_a_wrong_setting_is_refused(build, sentence):
    with pytest.raises(fn.LayerError) as error:
        build()
    assert str(error.value) == sentence
