"""Every property of a loss, over every row of `contracts_measures`."""

from functools import cache, partial

import gradients
import jax
import jax.numpy as jnp
import numpy as np
import oracles_measures as oracles
import pytest
from contracts_measures import LOSSES, QUICKLY, images, inputs_of, is_float

import fnnet as fn
from fnnet import losses, metrics
from fnnet.ops import ssim

every_loss = pytest.mark.parametrize("row", LOSSES, ids=lambda row: row.name)
# What compiles MS-SSIM once more, and is the same arithmetic as SSIM's.
every_loss_but_quickly = pytest.mark.parametrize(
    "row",
    [pytest.param(row, marks=[pytest.mark.slow] * (row.name == "ms_ssim")) for row in LOSSES],
    ids=lambda row: row.name,
)


def weighed(row, inputs):
    """A number that depends on every example, and the values."""
    values = row.call(*inputs)
    return (jnp.cos(jnp.arange(len(values), dtype=values.dtype)) * values).sum(), values


TRACES = []


@cache
def compiled(row):
    """``inputs -> (values, gradients of the floating-point inputs)``, counting its traces."""

    def both(inputs):
        TRACES.append(row.name)
        floats = [i for i, x in enumerate(inputs) if is_float(x)]

        def f(*chosen):
            filled = list(inputs)
            for place, value in zip(floats, chosen, strict=True):
                filled[place] = value
            return weighed(row, filled)

        (_, values), grads = jax.value_and_grad(f, tuple(range(len(floats))), has_aux=True)(
            *(inputs[i] for i in floats)
        )
        return values, grads

    return jax.jit(both, compiler_options=QUICKLY)


def refusal(f, *args):
    """The sentence that a call is refused with, which is the same under jit."""
    found = []
    for form in (f, jax.jit(f)):
        with pytest.raises(fn.LayerError) as error:
            form(*args)
        found.append(str(error.value))
    assert found[0] == found[1]
    return found[0]


def test_every_loss_has_a_row():
    rows = {row.name for row in LOSSES}
    assert set(losses.__all__) <= rows, set(losses.__all__) - rows


@every_loss
def test_values_equal_loops(row):
    expected = row.oracle(*row.inputs())
    with jax.enable_x64(True):
        values, _ = compiled(row)(inputs_of(row, jnp.float64))
        assert values.dtype == jnp.float64
        np.testing.assert_allclose(values, expected, 1e-12, 1e-12)
    values, _ = compiled(row)(inputs_of(row, jnp.float32))
    assert values.dtype == jnp.float32 and values.shape == (len(expected),)
    np.testing.assert_allclose(values, expected, 1e-5, 1e-5)


@every_loss
def test_gradients_equal_finite_differences_and_a_planted_error_is_found(row):
    with jax.enable_x64(True):
        inputs = inputs_of(row, jnp.float64)
        floats = [x for x in inputs if is_float(x)]
        rest = [x for x in inputs if not is_float(x)]

        @jax.jit
        def f(floats):
            return weighed(row, (*floats, *rest))[0]

        _, found = compiled(row)(inputs)
        gradients.check_and_plant(f, floats, list(found))


@every_loss_but_quickly
def test_jit_equals_eager_and_traces_once(row):
    inputs = inputs_of(row, jnp.float32)
    values, _ = compiled(row)(inputs)
    before = len(TRACES)
    compiled(row)(tuple(x + 0 for x in inputs))
    assert len(TRACES) == before
    np.testing.assert_allclose(row.call(*inputs), values, 1e-5, 1e-6)


@every_loss_but_quickly
def test_a_batch_is_its_examples_one_by_one(row):
    inputs = inputs_of(row, jnp.float32)
    alone = jax.vmap(lambda *example: row.call(*(x[None] for x in example))[0])
    values, _ = compiled(row)(inputs)
    mapped = jax.jit(alone, compiler_options=QUICKLY)(*inputs)
    np.testing.assert_allclose(mapped, values, 1e-5, 1e-6)


@every_loss_but_quickly
def test_half_precision_is_computed_in_float32(row):
    inputs = inputs_of(row, jnp.float32)
    narrow = (inputs[0].astype(jnp.bfloat16), *inputs[1:])
    values = jax.jit(row.call, compiler_options=QUICKLY)(*narrow)
    assert values.dtype == jnp.float32
    rounded = (narrow[0].astype(jnp.float32), *inputs[1:])
    np.testing.assert_allclose(values, compiled(row)(rounded)[0], 1e-5, 1e-6)
    np.testing.assert_allclose(values, compiled(row)(inputs)[0], 0.05, 0.01)


@every_loss
def test_extreme_constant_and_equal_inputs_stay_finite(row):
    prediction, *rest = inputs_of(row, jnp.float32)
    signs = np.where(np.arange(prediction.size) % 3 == 0, 1, -1).reshape(prediction.shape)
    places = [np.full(prediction.shape, value) for value in (0, 1e-30, 0.9, row.limit)]
    places += [1e-30 * signs, row.limit * signs, prediction]
    for x in (jnp.asarray(place, jnp.float32) for place in places):
        targets = [rest]
        if row.free_target and rest:
            targets += [[x], [jnp.full_like(x, 0.5)]]
        for target in targets:
            for leaf in jax.tree.leaves(compiled(row)((x, *target))):
                assert np.isfinite(leaf).all()


@every_loss
def test_equal_images_are_no_error(row):
    (x, *rest) = inputs_of(row, jnp.float32)
    if row.free_target and rest:
        values, _ = compiled(row)((x, x))
        expected = 0.1 if row.name == "charbonnier" else 0
        np.testing.assert_allclose(values, np.full(len(x), expected), 1e-6)


@pytest.mark.parametrize(
    "row",
    [row for row in LOSSES if row.free_target and row.name != "total_variation"],
    ids=lambda row: row.name,
)
def test_shapes_and_whole_numbers_are_refused_in_a_sentence(row):
    assert refusal(row.call, jnp.zeros((2, 3)), jnp.zeros((2, 1))) == (
        "the prediction's shape (2, 3) must be the target's (2, 1)"
    )
    whole = "expects floating-point values, got uint8; grey levels are divided by 255 first"
    grey = jnp.zeros((1, 200, 200, 1), jnp.uint8)
    assert refusal(row.call, grey, grey.astype(jnp.float32)) == whole
    assert refusal(row.call, grey.astype(jnp.float32), grey) == whole


@pytest.mark.parametrize("row", [row for row in LOSSES if row.least], ids=lambda row: row.name)
def test_images_that_are_none_or_too_small_are_refused(row):
    flat, one = jnp.zeros((2, 9)), jnp.zeros((200, 200, 3))
    assert refusal(row.call, flat, flat) == "expects images (N, H, W, C), got 2 axes"
    assert refusal(row.call, one, one) == (
        "expects images (N, H, W, C), got 3 axes; of one image x, x[None] is a batch"
    )
    small = jnp.zeros((1, row.least - 1, 300, 3))
    assert refusal(row.call, small, small) == (
        f"{row.name} needs at least {row.least}x{row.least} pixels, got {row.least - 1}x300"
    )
    planes = jnp.zeros((1, 3, 300, 300))
    assert refusal(row.call, planes, planes) == (
        f"{row.name} needs at least {row.least}x{row.least} pixels, got 3x300; images are NHWC: "
        "did channels come first?"
    )


def test_other_refusals_are_sentences_too():
    x = jnp.zeros((2, 3))
    for delta in (0, -1.0):
        assert refusal(lambda a, b, delta=delta: losses.huber(a, b, delta=delta), x, x) == (
            f"huber: delta={delta} must be above 0"
        )
    for epsilon in (0, -1.0):
        charbonnier = partial(losses.charbonnier, epsilon=epsilon)
        assert refusal(charbonnier, x, x) == f"charbonnier: epsilon={epsilon} must be above 0"
    large = jnp.zeros((1, 11, 11, 1))
    assert refusal(lambda a, b: losses.ssim(a, b, peak=0), large, large) == (
        "peak=0 must be above 0"
    )
    assert refusal(losses.total_variation, x) == "expects images (N, H, W, C), got 2 axes"
    for target in (jnp.zeros((2, 1)), jnp.zeros((2, 3), jnp.int32), jnp.zeros(2)):
        assert refusal(losses.softmax_cross_entropy, x, target) == (
            "logits (2, 3) are (N, ..., K) and need integer labels (N, ...) or "
            f"probabilities (N, ..., K), got {target.dtype} of shape {target.shape}"
        )


def test_a_label_outside_the_classes_gives_nan():
    logits = jnp.zeros((3, 4))
    for labels in (jnp.array([0, 4, -1]), jnp.array([0, 255, 128], jnp.uint8)):
        assert np.isnan(losses.softmax_cross_entropy(logits, labels)).tolist() == [0, 1, 1]


def test_a_class_that_cannot_be_costs_nothing_where_its_probability_is_0():
    logits = jnp.array([[0.0, 1.0, -jnp.inf]])
    target = jnp.array([[0.25, 0.75, 0.0]])
    both = jax.value_and_grad(lambda *args: losses.softmax_cross_entropy(*args).sum(), (0, 1))
    both = jax.jit(both)
    value, slopes = both(logits, target)
    expected, (slope, _) = both(logits[:, :2], target[:, :2])
    np.testing.assert_allclose(value, expected, rtol=1e-6)
    np.testing.assert_allclose(slopes[0], jnp.pad(slope, ((0, 0), (0, 1))), atol=1e-6)
    assert np.isfinite(slopes[1]).all()
    assert both(logits, jnp.array([[0.5, 0.0, 0.5]]))[0] == jnp.inf


def test_precision_of_both_arguments_may_differ():
    with jax.enable_x64(True):
        narrow, wide = jnp.ones((1, 3), jnp.bfloat16), jnp.full((1, 3), 0.1)
        assert losses.mse(narrow, wide).dtype == jnp.float64
        np.testing.assert_allclose(losses.mse(narrow, wide), [0.81], rtol=1e-14)


SSIM, MS_SSIM = (next(row for row in LOSSES if row.name == name) for name in ("ssim", "ms_ssim"))


def flat_and_bright(spread):
    rng = np.random.default_rng(6)
    x = 0.9 + spread * rng.normal(size=(1, 64, 64, 3))
    return x, x + spread * rng.normal(size=x.shape)


def halves(spread):
    x, y = (z - 0.4 for z in flat_and_bright(spread))
    x[:, :, 32:] -= 0.49
    y[:, :, 32:] -= 0.48
    return x, y


@pytest.mark.parametrize(
    "pair",
    [
        *(make(spread) for make in (flat_and_bright, halves) for spread in (0, 1e-4, 1e-3, 3e-2)),
        (np.full((1, 64, 64, 3), 0.9), np.full((1, 64, 64, 3), 0.95)),
        images(1, 64, 64, 3),
    ],
)
def test_float32_loses_nothing_to_cancellation(pair):
    x, y = (z.astype(np.float32) for z in pair)
    found = 1 - compiled(SSIM)((jnp.asarray(x), jnp.asarray(y)))[0]
    expected = oracles.gaussian_ssim(x.astype(np.float64), y.astype(np.float64), 1)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)
    shared, _ = ssim.similarity_maps(x, y, ssim.GAUSSIAN_11, peak=1.0)
    np.testing.assert_allclose(shared.mean(dtype=np.float64), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize(("row", "peak"), [(SSIM, 1), (MS_SSIM, 1.5)])
def test_similarity_as_a_loss_is_one_less_the_metric(row, peak):
    values, _ = compiled(row)(inputs_of(row, jnp.float32))
    expected = getattr(metrics, row.name)(*(x * (255 / peak) for x in row.inputs()))
    np.testing.assert_allclose(1 - values, expected, rtol=0, atol=1e-6)


def test_images_that_contradict_each_other_have_an_ms_ssim_of_0_and_a_finite_gradient():
    x, _ = inputs_of(MS_SSIM, jnp.float32)
    x = x.at[1].set(0.5 + 0.4 * (x[1] - x[1].mean()))
    values, found = compiled(MS_SSIM)((x, x.at[0].set(1 - x[0])))
    assert values[0] == 1
    assert all(np.isfinite(g).all() and not g[0].any() for g in found)
