"""Schedules: every value by hand, for short totals and long ones; plateaus."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from contracts_training import SCHEDULES

import fnnet as fn
from fnnet import schedules


def every_schedule(test):
    return pytest.mark.parametrize("row", SCHEDULES.values(), ids=lambda row: row.name)(test)


def test_every_public_schedule_has_a_row():
    others = {"Plateau", "reduce_on_plateau"}
    rows = set(SCHEDULES) - {"warm_restarts_equal"}
    assert set(schedules.__all__) - others == rows, "contracts_training.py needs a row"
    assert others < set(schedules.__all__)


@every_schedule
@pytest.mark.parametrize("total", [1, 2, 3, 10])
def test_every_value_is_the_formula_s_for_any_total(row, total):
    schedule, steps = row.make(total), range(3 * total + 3)
    plain = [schedule(step) for step in steps]
    assert {(value.dtype.name, value.shape) for value in plain} == {("float32", ())}
    np.testing.assert_allclose(plain, [row.oracle(step, total) for step in steps], rtol=1e-6)
    np.testing.assert_allclose(plain, jax.jit(jax.vmap(schedule))(jnp.array(steps)), rtol=1e-6)
    assert plain[0] > 0, "the first step must move"
    if row.ends_after is not None:
        assert len(set(map(float, plain[row.ends_after * total :]))) == 1, "it stays where it ends"


@every_schedule
def test_values_are_float32_where_float64_is_on_too(row):
    with jax.enable_x64(True):
        for step in (2, jnp.int64(2)):
            assert jax.eval_shape(row.make(3), step).dtype == jnp.float32


@every_schedule
def test_values_hold_in_long_runs(row):
    total = 2_000_003
    ends = [total * share for share in range(1, 4)]
    near = [total // 3, total // 2, 3 * total // 10, *ends]
    steps = {0, 1, 2, *(step + offset for step in near for offset in (-2, -1, 0, 1, 2))}
    steps = np.array(sorted(steps))
    found = jax.jit(jax.vmap(row.make(total)))(jnp.asarray(steps))
    expected = [row.oracle(int(step), total) for step in steps]
    np.testing.assert_allclose(found, expected, rtol=2e-6)


@pytest.mark.parametrize("name", ["linear", "polynomial", "cosine", "one_cycle"])
def test_the_last_steps_of_a_long_run_are_not_rounding(name):
    total = 1_000_000
    schedule, left = {
        "linear": (schedules.linear(1.0, 0.0, steps=total), 1e-6),
        "polynomial": (schedules.polynomial(1.0, 0.0, steps=total, power=2), 1e-12),
        "cosine": (schedules.cosine(1.0, steps=total), np.sin(np.pi / 2 * 1e-6) ** 2),
        "one_cycle": (schedules.one_cycle(1.0, steps=total), 1e-6 / 0.7),
    }[name]
    np.testing.assert_allclose(schedule(total - 1), left, rtol=1e-5)
    assert schedule(total) == 0


PEAKED = ("linear", "polynomial", "exponential", "cosine", "warm_restarts", "one_cycle")


@pytest.mark.parametrize("total", [1, 2, 3, 10])
@pytest.mark.parametrize("name", [*PEAKED, "warmup_stable_decay"])
def test_the_steps_of_a_run_contain_the_peak(name, total):
    assert max(map(SCHEDULES[name].make(total), range(total))) == 1


def test_the_top_of_one_cycle_is_a_step_of_the_run():
    tops = {(1, 0.3): 0, (1, 0.9): 0, (2, 0.9): 1, (3, 0.9): 2, (10, 0.96): 9, (7, 0.5): 4}
    for (total, rise), top in tops.items():
        schedule = schedules.one_cycle(1.0, steps=total, rise=rise)
        assert int(np.argmax(schedule(jnp.arange(total)))) == top
        assert schedule(top) == 1
        assert np.isfinite(
            jax.grad(lambda p, n=total, r=rise: schedules.one_cycle(p, steps=n, rise=r)(0))(1.0)
        )


@every_schedule
def test_an_array_of_steps_gives_an_array_of_values(row):
    steps = np.arange(12).reshape(3, 4)
    found = row.make(3)(steps)
    assert (found.shape, found.dtype) == ((3, 4), jnp.float32)
    np.testing.assert_allclose(found.ravel(), [row.oracle(step, 3) for step in range(12)], 1e-6)


def test_joined_functions_may_ignore_the_step():
    joined = schedules.join([lambda step: 0.5, lambda step: step], [2])
    assert schedules.join([0.5], [])(jnp.arange(2)).tolist() == [0.5, 0.5]
    assert joined(jnp.arange(4)).tolist() == [0.5, 0.5, 0, 1]
    assert (joined(1), joined(3)) == (0.5, 1)


def test_peaks_may_be_traced():
    peaks = jnp.array([0.5, 2.0])
    found = jax.vmap(lambda peak: schedules.one_cycle(peak, steps=4)(1))(peaks)
    np.testing.assert_allclose(found, peaks)


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (lambda: schedules.constant("1"), "constant: value='1' must be a number"),
        (lambda: schedules.cosine(None, steps=3), "cosine: peak=None must be a number"),
        (lambda: schedules.linear(1, [0], steps=3), "linear: end=[0] must be a number"),
        (
            lambda: schedules.piecewise([1, "0"], [3]),
            "piecewise: values[1]='0' must be a number",
        ),
        (
            lambda: schedules.join([1.0, None], [3]),
            "schedule=None must be a number or a schedule",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "-",
)
def test_what_is_no_number_is_refused(build, sentence):
    with pytest.raises(TypeError) as error:
        build()
    assert str(error.value) == sentence


def test_schedules_pass_through_their_joints():
    linear = schedules.linear(1.0, 0.2, steps=4)
    assert [float(linear(s)) for s in (0, 2, 4, 9)] == pytest.approx([1, 0.6, 0.2, 0.2])
    exponential = schedules.exponential(1.0, 0.01, steps=4)
    assert [float(exponential(s)) for s in (0, 2, 4, 9)] == pytest.approx([1, 0.1, 0.01, 0.01])
    polynomial = schedules.polynomial(1.0, 0.2, steps=4, power=2)
    assert [float(polynomial(s)) for s in (0, 2, 4, 9)] == pytest.approx([1, 0.4, 0.2, 0.2])
    cosine = schedules.cosine(1.0, steps=14, warmup=4, end=0.1)
    assert [float(cosine(s)) for s in (0, 3, 4, 9, 14, 20)] == pytest.approx(
        [0.2, 0.8, 1.0, 0.55, 0.1, 0.1]
    )
    restarts = schedules.warm_restarts(1.0, steps=2)  # periods begin at 0, 2, 6, 14
    assert [float(restarts(s)) for s in (0, 1, 2, 4, 6, 10, 14)] == pytest.approx(
        [1, 0.5, 1, 0.5, 1, 0.5, 1]
    )
    cycle = schedules.one_cycle(1.0, steps=10)
    assert [float(cycle(s)) for s in (0, 3, 10, 11)] == pytest.approx([0.04, 1, 0, 0])
    warmed = schedules.warmup(schedules.linear(1.0, 0.0, steps=2), steps=3)
    assert [float(warmed(s)) for s in range(7)] == pytest.approx([0.25, 0.5, 0.75, 1, 0.5, 0, 0])
    stable = schedules.warmup_stable_decay(1.0, steps=8, warmup=1, decay=4)
    assert [float(stable(s)) for s in (0, 1, 4, 6, 8, 9)] == pytest.approx([0.5, 1, 1, 0.5, 0, 0])


def test_restarts_fall_where_periods_begin_up_to_the_largest_step():
    schedule = jax.jit(schedules.warm_restarts(1.0, steps=7, factor=3))
    for period in range(1, 18):
        start = 7 * (3**period - 1) // 2
        assert float(schedule(start)) == 1
        assert float(schedule(start - 1)) < 0.05


def test_plateau_by_hand():
    plateau = schedules.reduce_on_plateau(factor=0.5, patience=2, threshold=0.1, smallest=0.2)
    update = jax.jit(plateau.update)
    state, seen = plateau.init(), []
    values = [4, 3.7, 3.5, 3.4, 3.3, np.nan, 3.0, -np.inf, 9, 9, 9, 9, 9]
    for value in values:
        state = update(state, value)
        seen.append([float(state[name]) for name in ("scale", "best", "waited")])
    expected = [
        [1, 4, 0],
        [1, 4, 1],  # 3.7 is above 90 % of 4
        [1, 3.5, 0],
        [1, 3.5, 1],
        [0.5, 3.5, 0],
        [0.5, 3.5, 1],
        [0.5, 3.0, 0],
        [0.5, 3.0, 1],
        [0.25, 3.0, 0],
        [0.25, 3.0, 1],
        [0.2, 3.0, 0],  # not below the smallest
        [0.2, 3.0, 1],
        [0.2, 3.0, 0],
    ]
    np.testing.assert_allclose(seen, expected, rtol=1e-6)
    with jax.enable_x64(True):
        start = plateau.init()
        assert jax.eval_shape(plateau.update, start, jnp.float64(1))["scale"].dtype == jnp.float32
    assert {name: (leaf.dtype, leaf.shape) for name, leaf in start.items()} == {
        name: (leaf.dtype, leaf.shape) for name, leaf in state.items()
    }


def test_a_plateau_of_negative_losses_asks_for_lower_ones():
    plateau = schedules.reduce_on_plateau(patience=3, threshold=0.1)
    states = itertools.accumulate([-1.0, -1.05, -1.2], plateau.update, initial=plateau.init())
    assert [round(float(state["best"]), 3) for state in states][1:] == [-1, -1, -1.2]


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (
            lambda: schedules.linear(1, 0, steps=0),
            "linear: steps=0 must be an integer of at least 1",
        ),
        (
            lambda: schedules.linear(1, 0, steps=2.5),
            "linear: steps=2.5 must be an integer of at least 1",
        ),
        (
            lambda: schedules.polynomial(1, 0, steps=0, power=1),
            "polynomial: steps=0 must be an integer of at least 1",
        ),
        (
            lambda: schedules.polynomial(1, 0, steps=3, power=0),
            "polynomial: power=0 must be above 0",
        ),
        (
            lambda: schedules.exponential(1, 0.1, steps=0),
            "exponential: steps=0 must be an integer of at least 1",
        ),
        (
            lambda: schedules.exponential(1, 0, steps=3),
            "exponential: start=1 and end=0 must both be above 0",
        ),
        (
            lambda: schedules.cosine(1, steps=0),
            "cosine: steps=0 must be an integer of at least 1",
        ),
        (
            lambda: schedules.cosine(1, steps=3, warmup=2.5),
            "cosine: warmup=2.5 must be an integer of at least 0",
        ),
        (
            lambda: schedules.cosine(1, steps=2**31),
            "cosine: steps=2147483648 must be below 2**31",
        ),
        (
            lambda: schedules.cosine(np.nan, steps=3),
            "cosine: peak=nan must be finite",
        ),
        (
            lambda: schedules.constant(jnp.array(jnp.inf)),
            "constant: value=inf must be finite",
        ),
        (
            lambda: schedules.warmup_stable_decay(1, steps=10.5, warmup=2, decay=2),
            "warmup_stable_decay: steps=10.5 must be an integer of at least 1",
        ),
        (
            lambda: schedules.warmup_stable_decay(1, steps=10, warmup=2.5, decay=2),
            "warmup_stable_decay: warmup=2.5 must be an integer of at least 0",
        ),
        (
            lambda: schedules.piecewise([1.0, 0.1], [2**31]),
            "piecewise: boundaries=[2147483648] must be integers that rise from at least 1, "
            "below 2**31",
        ),
        (
            lambda: schedules.reduce_on_plateau().update({}, jnp.ones(3)),
            "reduce_on_plateau: value must be a scalar, got an array of (3,)",
        ),
        (
            lambda: schedules.cosine(1, steps=3, warmup=3),
            "cosine: warmup=3 must be in 0..2, below steps",
        ),
        (
            lambda: schedules.warm_restarts(1, steps=0),
            "warm_restarts: steps=0 must be an integer of at least 1",
        ),
        (
            lambda: schedules.warm_restarts(1, steps=3, factor=1.5),
            "warm_restarts: factor=1.5 must be an integer of at least 1",
        ),
        (
            lambda: schedules.one_cycle(1, steps=0),
            "one_cycle: steps=0 must be an integer of at least 1",
        ),
        (
            lambda: schedules.one_cycle(1, steps=3, rise=1),
            "one_cycle: rise=1 must be between 0 and 1",
        ),
        (
            lambda: schedules.one_cycle(1, steps=3, divisor=0.5),
            "one_cycle: divisor=0.5 must be at least 1",
        ),
        (
            lambda: schedules.warmup(1.0, steps=0),
            "warmup: steps=0 must be an integer of at least 1",
        ),
        (
            lambda: schedules.warmup_stable_decay(1, steps=9, warmup=2, decay=0),
            "warmup_stable_decay: decay=0 must be an integer of at least 1",
        ),
        (
            lambda: schedules.warmup_stable_decay(1, steps=9, warmup=5, decay=5),
            "warmup_stable_decay: warmup=5 and decay=5 must together be at most steps=9",
        ),
        (
            lambda: schedules.piecewise([1.0, 0.1], [3, 5]),
            "piecewise: 2 values must be one more than 2 boundaries",
        ),
        (
            lambda: schedules.piecewise([1.0, 0.1, 0.01], [5, 5]),
            "piecewise: boundaries=[5, 5] must be integers that rise from at least 1, below 2**31",
        ),
        (
            lambda: schedules.join([], []),
            "join: 0 schedules must be one more than 0 boundaries",
        ),
        (
            lambda: schedules.join([1.0, 0.1], [0]),
            "join: boundaries=[0] must be integers that rise from at least 1, below 2**31",
        ),
        (
            lambda: schedules.join([1.0, 0.1], [2.5]),
            "join: boundaries=[2.5] must be integers that rise from at least 1, below 2**31",
        ),
        (
            lambda: schedules.warmup(schedules.reduce_on_plateau(), steps=3),
            "a Plateau is no schedule, it needs losses; optim.scale_by_schedule takes it",
        ),
        (
            lambda: schedules.reduce_on_plateau(factor=1),
            "reduce_on_plateau: factor=1 must be between 0 and 1",
        ),
        (
            lambda: schedules.reduce_on_plateau(patience=0),
            "reduce_on_plateau: patience=0 must be an integer of at least 1",
        ),
        (
            lambda: schedules.reduce_on_plateau(threshold=-1),
            "reduce_on_plateau: threshold=-1 must be at least 0",
        ),
        (
            lambda: schedules.reduce_on_plateau(smallest=2),
            "reduce_on_plateau: smallest=2 must be in [0, 1]",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "-",
)
def test_a_wrong_setting_is_refused(build, sentence):
    with pytest.raises(fn.LayerError) as error:
        build()
    assert str(error.value) == sentence
