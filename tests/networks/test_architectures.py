"""The networks: any size, any setting that is offered, refusals, and steady training."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fnnet as fn
from experiments.evaluation.scores import cost
from experiments.networks import architectures, configs, wrappers
from experiments.networks.tasks import TASKS, check

SMALL = {
    "mlp": {"block": 4, "width": 8, "bottleneck": 3},
    "shallow": {"bottleneck": 2},
    "conv": {"width": 4, "bottleneck": 3},
    "residual": {"width": 4, "depth": 1},
    "pyramid": {"width": 4, "depth": 1, "bottleneck": 3},
}
NETWORKS = {name: architectures.build(configs.configure(name, **SMALL[name])) for name in SMALL}
STARTED = {}


def started(name):
    if name not in STARTED:
        STARTED[name] = NETWORKS[name].init(jax.random.key(0), (16, 16, 3))
    return STARTED[name]


@pytest.mark.parametrize("name", NETWORKS)
@settings(max_examples=20, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40))
def test_images_of_any_size_keep_their_size(name, height, width):
    x = jax.ShapeDtypeStruct((1, height, width, 3), jnp.float32)
    assert jax.eval_shape(NETWORKS[name].apply, *started(name), x)[0].shape == x.shape


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("size", [(1, 1), (7, 21)])
def test_images_of_odd_sizes_come_out_finite(name, size):
    y, _ = jax.jit(NETWORKS[name].apply)(*started(name), jnp.full((1, *size, 3), 0.3))
    assert y.shape == (1, *size, 3)
    assert jnp.isfinite(y).all()


@pytest.mark.parametrize("name", NETWORKS)
def test_padding_changes_nothing_where_none_is_needed(name):
    params, state = started(name)
    x = jnp.asarray(np.random.default_rng(0).random((1, 16, 16, 3)), jnp.float32)
    expected = x - 0.5
    for part, layer in NETWORKS[name].children.items():
        expected = layer.apply(params[part], state.get(part, {}), expected)[0]
    expected = expected + 0.5
    np.testing.assert_array_equal(NETWORKS[name].apply(params, state, x)[0], expected)


def test_the_image_is_continued_by_reflection_and_by_its_edge_where_it_is_too_small():
    seen = []
    model = wrappers.on_any_size(fn.stateless(lambda x: seen.append(x) or x, kind="spy"), 4)
    row = jnp.repeat(jnp.arange(5.0), 3).reshape(1, 1, 5, 3)
    model.apply({}, {}, row)
    assert seen[-1].shape == (1, 4, 8, 3)
    np.testing.assert_array_equal(seen[-1][0, 3, :, 0] + 0.5, [0, 1, 2, 3, 4, 3, 2, 1])


@pytest.mark.parametrize(
    ("name", "given"),
    [
        *(("conv", {"activation": activation}) for activation in architectures.ACTIVATIONS),
        *(("conv", {"pooling": pooling}) for pooling in ("stride", "max", "average")),
        ("conv", {"norm": "none", "dropout": 0.2, "depth": 1}),
        *(("conv", {"norm": norm}) for norm in ("batch", "layer", "group", "instance", "gdn")),
        ("conv", {"norm": "group", "width": 6}),
        ("conv", {"depth": 4}),
        ("mlp", {"depth": 0}),
        ("mlp", {"depth": 3, "norm": "batch", "dropout": 0.3}),
        ("shallow", {"stride": 2, "activation": "tanh"}),
        ("residual", {"bottleneck": 5, "norm": "batch", "dropout": 0.1}),
        ("residual", {"bottleneck": 5, "norm": "gdn"}),
        ("residual", {"depth": 3, "activation": "gelu"}),
        ("pyramid", {"depth": 2, "latents": "penalised"}),
        ("conv", {"latents": "bounded"}),
        ("mlp", {"latents": "penalised", "distortion_weights": [0.01]}),
    ],
    ids=str,
)
def test_every_setting_makes_a_network_that_traces_in_training(name, given):
    config = configs.configure(name, **(SMALL[name] | given))
    assert configs.from_json(configs.to_json(config)) == config
    model = architectures.build(config)
    params, state = jax.eval_shape(lambda key: model.init(key, (16, 16, 3)), jax.random.key(0))

    def apply(params, state, x, key):
        return model.apply(params, state, x, key=key, train=True)

    x = jax.ShapeDtypeStruct((2, 16, 16, 3), jnp.float32)
    y, new_state = jax.eval_shape(apply, params, state, x, jax.random.key(1))
    assert y.shape == x.shape
    assert jax.tree.structure(new_state) == jax.tree.structure(state)


def test_restoring_starts_at_the_image_that_is_restored():
    params, state = started("residual")
    x = jnp.asarray(np.random.default_rng(1).random((1, 10, 12, 3)), jnp.float32)
    np.testing.assert_allclose(NETWORKS["residual"].apply(params, state, x)[0], x, atol=1e-6)


def test_costs_are_those_of_the_layer_list():
    found = cost(architectures.build(configs.configure("conv")))
    # Per pixel: 3x3 convolutions at 1/4, 1/16, 1/64 and three there, then 4x4 transposed ones.
    by_hand = 864 / 4 + 18432 / 16 + 73728 / 64 + 18432 / 64 + 18432 / 64
    by_hand += 131072 / 64 + 32768 / 16 + 1536 / 4
    assert found.multiply_adds_per_pixel == by_hand
    assert found.latents_per_value == 16 / 192
    params, _ = architectures.build(configs.configure("conv")).init(jax.random.key(0), (32, 32, 3))
    assert found.parameters == fn.trees.size(params)
    assert cost(architectures.build(configs.configure("residual"))).latents_per_value is None
    assert cost(architectures.build(configs.configure("mlp"))).latents_per_value == 64 / 768


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (
            lambda: configs.configure("shallow", width=3),
            "--width does not apply to the model 'shallow', which has --precision, --latents, "
            "--distortion-weights, --stride, --bottleneck, --activation",
        ),
        (lambda: configs.configure("conv", depth=0), "--depth 0: must be in 1..6"),
        (lambda: configs.configure("mlp", bottleneck=0), "--bottleneck 0: must be in 1..4096"),
        (
            lambda: configs.configure("conv", dropout=1.0),
            "--dropout 1.0: must be at least 0 and below 1",
        ),
        (
            lambda: check(TASKS["autoencode"], configs.configure("residual")),
            "the model 'residual' without a bottleneck passes the image through, which "
            "compresses nothing; set one: --bottleneck 16",
        ),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "-",
)
def test_a_setting_that_cannot_be_is_refused(build, sentence):
    with pytest.raises(fn.LayerError) as error:
        build()
    assert str(error.value) == sentence


def test_channels_first_images_get_a_hint():
    params, state = started("conv")
    with pytest.raises(fn.LayerError, match=r"images are NHWC: did channels come first\?"):
        NETWORKS["conv"].apply(params, state, jnp.zeros((1, 3, 16, 16)))


def test_batch_norm_alone_leaves_out_the_biases_in_front_of_it():
    def paths(norm):
        model = architectures.build(configs.configure("conv", width=6, norm=norm))
        params, _ = jax.eval_shape(lambda key: model.init(key, (16, 16, 3)), jax.random.key(0))
        return set(fn.trees.flatten(params))

    plain = paths("none")
    for norm in ("layer", "group", "instance", "gdn"):
        assert plain < paths(norm)
    assert sum(path.endswith("bias") for path in plain - paths("batch")) == 6


def test_group_norm_has_up_to_8_groups_that_divide_the_width():
    assert [architectures._groups(width) for width in (1, 6, 7, 8, 12, 20, 22, 24, 32, 37)] == [
        *(1, 6, 7, 8, 6, 5, 2, 8, 8, 1)
    ]


def test_a_norm_over_places_is_refused_where_there_are_none():
    with pytest.raises(fn.LayerError) as error:
        configs.configure("mlp", norm="gdn")
    assert str(error.value) == (
        "--norm gdn: the model 'mlp', which has no spatial axes, takes none, batch or layer"
    )
