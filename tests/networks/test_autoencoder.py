"""Networks that can be used in two halves, and what stands between these."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnnet as fn
from experiments.networks import architectures, configs
from experiments.networks.bottlenecks import BOUND, ENTRIES, prior_bits
from experiments.networks.losses import make_loss

WEIGHTS = (0.002, 0.01, 0.05)
PENALISED = {"latents": "penalised", "distortion_weights": WEIGHTS}
SMALL = {
    "mlp": {"block": 4, "width": 8, "bottleneck": 3},
    "shallow": {"bottleneck": 2},
    "conv": {"width": 4, "bottleneck": 3},
    "residual": {"width": 4, "depth": 1, "bottleneck": 5},
    "pyramid": {"width": 4, "depth": 1, "bottleneck": 3},
}
KINDS = {"bounded": {"latents": "bounded"}, "penalised": PENALISED}
every_model = pytest.mark.parametrize("name", SMALL)
every_kind = pytest.mark.parametrize("kind", KINDS)
UNOPTIMISED = {"xla_backend_optimization_level": 0}  # half the compile time
BUILT = {}


def built(name, kind):
    if (name, kind) not in BUILT:
        model = architectures.build(configs.configure(name, **SMALL[name], **KINDS[kind]))
        BUILT[name, kind] = model, *model.init(jax.random.key(0), (16, 16, 3))
    return BUILT[name, kind]


def images(count=2, height=19, width=33):
    return np.random.default_rng(0).random((count, height, width, 3)).astype(np.float32)


def compiled(function):
    return jax.jit(function, compiler_options=UNOPTIMISED)


@every_model
@every_kind
def test_the_halves_together_are_the_whole_and_latents_are_whole_numbers(name, kind):
    model, params, state = built(name, kind)
    middle = np.full(2, model.bottleneck.middle_rate)

    @compiled
    def forms(x):
        latents = model.encode(params, state, x, middle)
        y = model.decode(params, state, latents, middle, (19, 33))
        return latents, y, model.apply(params, state, x)[0], model.code(params, state, x, middle)

    latents, y, whole, coded = forms(images())
    multiple = model.config["multiple"]
    assert latents.shape[:3] == (2, -(-19 // multiple), -(-33 // multiple))
    np.testing.assert_array_equal(latents, np.rint(latents))
    assert np.abs(latents).max() >= 1
    np.testing.assert_array_equal(y, whole)
    np.testing.assert_array_equal(coded.images, y)
    np.testing.assert_array_equal(coded.latents, latents)
    assert (coded.bits is None) == (kind == "bounded")


def test_bounded_latents_stay_within_their_bounds_however_large_the_encoder_s_output():
    model, params, state = built("conv", "bounded")
    params = jax.tree.map(lambda leaf: 1e4 * leaf, params)
    latents = model.encode(params, state, images(), jnp.zeros(2, int))
    assert np.abs(latents).max() == BOUND


@every_model
def test_in_training_noise_takes_the_place_of_rounding(name):
    model, params, state = built(name, "bounded")
    coded = compiled(partial(model.code, train=True))
    at = (params, state, images(), np.zeros(2, int))
    noisy = [coded(*at, key=jax.random.key(number)).latents for number in (1, 2)]
    rounded = compiled(model.encode)(*at)
    assert np.abs(noisy[0] - rounded).max() <= 1
    assert 0 < np.abs(noisy[0] - noisy[1]).max() < 1
    with pytest.raises(fn.LayerError, match="quantize needs a key during training"):
        model.code(params, state, images(), jnp.zeros(2, int), train=True)


@every_model
def test_a_prior_is_trained_with_noise_and_the_decoder_with_rounded_latents(name):
    model, params, state = built(name, "penalised")

    def coded(params, key):
        return model.code(params, state, images(), np.zeros(2, int), key=key, train=True)

    def distance(params, key):
        return jnp.square(coded(params, key).images - images()).mean()

    one, other = (compiled(coded)(params, jax.random.key(number)) for number in (1, 2))
    in_use = compiled(model.code)(params, state, images(), np.zeros(2, int))
    np.testing.assert_array_equal(one.latents, in_use.latents)
    np.testing.assert_array_equal(one.images, other.images)
    assert np.abs(one.bits - other.bits).max() > 0.01
    # Rounding has no gradient of its own: what comes through is the identity's.
    gradient = compiled(jax.grad(distance))(params, jax.random.key(1))
    assert all(np.abs(leaf).max() > 0 for leaf in jax.tree.leaves(gradient["encoder"]))


def test_each_image_is_coded_at_its_own_rate_with_more_bits_for_a_larger_weight():
    model, params, state = built("conv", "penalised")
    x = np.repeat(images(1), 3, axis=0)
    code = compiled(model.code)
    together = code(params, state, x, np.arange(3))
    for rate in range(3):
        alone = code(params, state, x[:1], np.array([rate]))
        np.testing.assert_array_equal(together.latents[rate], alone.latents[0])
        np.testing.assert_allclose(together.bits[rate], alone.bits[0], rtol=1e-6)
        expected = prior_bits(params, rate)(alone.latents)
        np.testing.assert_allclose(alone.bits, expected, rtol=1e-6)
    bits = together.bits.sum((1, 2, 3))
    assert bits[0] < bits[1] < bits[2]


def test_each_rate_has_gains_of_its_own_before_rounding_and_behind():
    model, params, state = built("conv", "penalised")
    rng = np.random.default_rng(1)
    own = {name: params[name] + rng.normal(size=(3, 3)) for name in ("gain", "inverse_gain")}
    params = params | jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32), own)
    x = images(1, 16, 16)
    for rate in range(3):
        at = jnp.array([rate])
        y, _ = model.children["encoder"].apply(params["encoder"], {}, x - 0.5)
        latents = np.rint(y * np.exp(params["gain"][rate]).reshape(1, 1, 1, 3))
        np.testing.assert_array_equal(model.encode(params, state, x, at), latents)
        scaled = latents * np.exp(params["inverse_gain"][rate]).reshape(1, 1, 1, 3)
        expected, _ = model.children["decoder"].apply(params["decoder"], {}, jnp.asarray(scaled))
        found = model.decode(params, state, jnp.asarray(latents), at, (16, 16))
        np.testing.assert_allclose(found, expected + 0.5, atol=1e-6)


@every_kind
def test_tables_have_their_shape_from_the_start_whatever_the_image_s_size(kind):
    model, _, state = built("conv", kind)
    entries = {"bounded": 2 * BOUND + 2, "penalised": ENTRIES}[kind]
    shapes = {
        "freq": (model.bottleneck.rates, 3, entries),
        "size": (model.bottleneck.rates, 3),
        "start": (model.bottleneck.rates, 3),
    }
    assert {name: leaf.shape for name, leaf in state["tables"].items()} == shapes
    _, other = jax.eval_shape(lambda key: model.init(key, (40, 7, 3)), jax.random.key(0))
    assert {name: leaf.shape for name, leaf in other["tables"].items()} == shapes
    _, real = architectures.build(configs.configure("conv")).init(jax.random.key(0), (16, 16, 3))
    assert real == {}


def test_the_loss_is_bits_a_pixel_and_weighted_error_of_each_image_at_its_rate():
    model, params, state = built("conv", "penalised")
    batch = tuple(np.asarray(255 * images(4), np.uint8) for _ in range(2))
    value, (_, metrics) = compiled(make_loss(model, "mse"))(params, state, batch, None)
    code = compiled(model.code)
    x = batch[0].astype(np.float64) / 255
    expected, bits = [], []
    for number, rate in enumerate((0, 1, 2, 0)):
        image = x[number : number + 1].astype(np.float32)
        coded = code(params, state, image, rate=np.array([rate]))
        error = np.mean((np.asarray(coded.images[0], np.float64) - x[number]) ** 2)
        bits.append(float(coded.bits.sum()) / (19 * 33))
        expected.append(bits[-1] + WEIGHTS[rate] * 255**2 * error)
    assert float(value) == pytest.approx(np.mean(expected), rel=1e-4)
    assert float(metrics["bits_per_pixel"]) == pytest.approx(np.mean(bits), rel=1e-4)


def test_in_training_every_rate_has_its_turn():
    model, params, state = built("shallow", "penalised")
    loss = jax.jit(jax.grad(make_loss(model, "mse"), has_aux=True))
    batch = tuple(np.asarray(255 * images(1), np.uint8) for _ in range(2))
    trained = set()
    for number in range(20):
        gradient, _ = loss(params, state, batch, jax.random.key(number))
        trained |= set(np.flatnonzero(np.abs(gradient["gain"]).sum(1)))
    assert trained == {0, 1, 2}


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            {"distortion_weights": [0.01]},
            "--distortion-weights 0.01: go with --latents penalised",
        ),
        (
            {"latents": "penalised", "distortion_weights": [0.02, 0.01]},
            "--distortion-weights 0.02 0.01: must be above 0 and rise",
        ),
        (
            {"latents": "penalised", "distortion_weights": [-1.0]},
            "--distortion-weights -1.0: must be above 0 and rise",
        ),
        (
            {"latents": "penalised", "distortion_weights": [0.001 * n for n in range(1, 66)]},
            "--distortion-weights: 65 of them; there may be 64",
        ),
    ],
    ids=str,
)
def test_weights_that_mean_nothing_are_refused(given, sentence):
    with pytest.raises(fn.LayerError) as error:
        configs.configure("conv", **given)
    assert str(error.value) == sentence


def test_a_network_without_a_bottleneck_has_no_latents_to_code():
    with pytest.raises(fn.LayerError, match="the model has no bottleneck to hold them"):
        configs.configure("residual", latents="bounded")
