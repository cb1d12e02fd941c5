"""The gradient checker is itself checked: it must see an error of one part in a thousand."""

import gradients
import jax
import jax.numpy as jnp
import numpy as np
import pytest


def value(inputs):
    return jnp.sum(jnp.sin(inputs["x"]) * inputs["y"] ** 2) + 0 * jnp.sum(inputs["unused"])


def points():
    rng = np.random.default_rng(0)
    return {"x": rng.normal(size=50), "y": rng.normal(size=50), "unused": rng.normal(size=3)}


def test_a_right_gradient_passes():
    with jax.enable_x64(True):
        gradients.check_and_plant(value, points(), jax.grad(value)(points()))


@pytest.mark.parametrize("name", ["x", "y"])
@pytest.mark.parametrize("one", [False, True])
def test_a_planted_error_is_found_in_a_whole_leaf_and_in_its_largest_number(name, one):
    with jax.enable_x64(True):
        right = jax.grad(value)(points())
        where = np.abs(right[name]) == np.abs(right[name]).max() if one else np.ones(50, bool)
        planted = right | {name: np.where(where, right[name] * 1.001, right[name])}
        with pytest.raises(AssertionError):
            gradients.check(value, points(), planted)


def test_a_gradient_that_should_be_zero_and_is_not_is_found():
    with jax.enable_x64(True):
        planted = jax.grad(value)(points()) | {"unused": np.full(3, 1e-3)}
        with pytest.raises(AssertionError):
            gradients.check(value, points(), planted)
