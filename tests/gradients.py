"""Gradients against finite differences in float64, relative, in several random directions."""

import jax
import jax.numpy as jnp
import numpy as np


def check(f, inputs, gradient=None, directions=4, tolerance=1e-6):
    """Compare the gradient of ``f(inputs)``, a scalar, with central differences.

    A direction is drawn at random around the gradient's own, so that the derivative along it is
    never small against the gradient, which would hide an error.
    """
    inputs = jax.tree.map(jnp.asarray, inputs)
    gradient = jax.jit(gradient or jax.grad(f))(inputs)
    assert all(leaf.dtype == jnp.float64 for leaf in jax.tree.leaves(inputs)), "needs float64"
    f = jax.jit(f)
    rng = np.random.default_rng(11)
    norm = _norm(gradient)
    assert norm > 0, "the gradient is zero everywhere: nothing is compared"
    for _ in range(directions):
        noise = jax.tree.map(lambda leaf: rng.normal(size=leaf.shape), inputs)
        length = _norm(noise)
        direction = jax.tree.map(lambda g, n: g / norm + n / length, gradient, noise)  # noqa: B023
        claimed = sum(jax.tree.leaves(jax.tree.map(jnp.vdot, gradient, direction)))
        found = _along(f, inputs, direction)
        assert abs(found - claimed) <= tolerance * abs(found), (found, claimed)


def _along(f, inputs, direction, step=1e-3):
    """Differentiate along a direction: five points, so that the error falls with step^4."""
    at = [f(jax.tree.map(lambda i, d: i + t * step * d, inputs, direction)) for t in (-2, -1, 1, 2)]  # noqa: B023
    return (at[0] - 8 * at[1] + 8 * at[2] - at[3]) / (12 * step)


def _norm(tree):
    return np.sqrt(sum(np.sum(np.square(leaf)) for leaf in jax.tree.leaves(tree)))
