"""The gradient checker is itself checked: it must see an error of one part in a thousand."""

import gradients
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from contracts import LAYERS
from test_contracts import scalar


def value(inputs):
    return jnp.sum(jnp.sin(inputs["x"]) * inputs["y"] ** 2)


def points():
    rng = np.random.default_rng(0)
    return {"x": rng.normal(size=50), "y": rng.normal(size=50)}


def test_a_right_gradient_passes():
    with jax.enable_x64(True):
        gradients.check(value, points())


@pytest.mark.parametrize("name", ["x", "y"])
def test_a_planted_error_of_one_part_in_a_thousand_is_found(name):
    def planted(inputs):
        right = jax.grad(value)(inputs)
        return right | {name: right[name] * 1.001}

    with jax.enable_x64(True), pytest.raises(AssertionError):
        gradients.check(value, points(), planted)


@pytest.mark.parametrize("row", LAYERS[:9:2], ids=lambda row: row.name)
def test_a_planted_error_is_found_in_a_layer(row):
    with jax.enable_x64(True):
        layer, (params, state) = row.make(), row.init(np.float64)

        def f(inputs):
            return scalar(layer, state, inputs)

        def planted(inputs):
            params_gradient, x_gradient = jax.grad(f)(inputs)
            return jax.tree.map(lambda g: 1.001 * g, params_gradient), x_gradient

        with pytest.raises(AssertionError):
            gradients.check(f, (params, row.input(dtype=np.float64)), planted)
