"""Gradients against finite differences in float64, relative, in several random directions."""

import jax
import numpy as np
import pytest


def check(f, inputs, gradient, directions=2, tolerance=1e-6):
    """Compare `gradient` of ``f(inputs)``, a scalar, with central differences, leaf by leaf.

    A direction is drawn at random around the leaf's own gradient, so that the derivative along it
    is never small against the gradient, which would hide an error.
    """
    leaves, structure = jax.tree.flatten(jax.tree.map(np.asarray, inputs))
    assert all(leaf.dtype == np.float64 for leaf in leaves), "needs float64"
    claims = list(map(np.asarray, jax.tree.leaves(gradient)))
    assert any(np.any(claim) for claim in claims), "zero everywhere: nothing is compared"
    rng = np.random.default_rng(11)
    # A gradient of 0 is found to be 0 but for rounding, which is of the value's size.
    rounding = 1e-10 * abs(f(inputs))
    for place, (leaf, claim) in enumerate(zip(leaves, claims, strict=True)):

        def along(moved, place=place):
            return f(jax.tree.unflatten(structure, [*leaves[:place], moved, *leaves[place + 1 :]]))

        for _ in range(directions):
            direction = _unit(claim) + _unit(rng.normal(size=leaf.shape))
            claimed, found = np.vdot(claim, direction), _slope(along, leaf, direction)
            assert abs(found - claimed) <= tolerance * abs(found) + rounding, (found, claimed)


def check_and_plant(f, inputs, gradient):
    """`check`, and show of every leaf that an error of one part in a thousand would be found."""
    check(f, inputs, gradient)
    claims, structure = jax.tree.flatten(jax.tree.map(np.asarray, gradient))
    for place, claim in enumerate(claims):
        # A bias in front of batch norm has no gradient but rounding.
        if np.abs(claim).max() > 1e-9:
            planted = [*claims[:place], 1.001 * claim, *claims[place + 1 :]]
            with pytest.raises(AssertionError):
                check(f, inputs, jax.tree.unflatten(structure, planted))


def _slope(f, leaf, direction, step=1e-3):
    """Differentiate along a direction: five points, so that the error falls with step^4."""
    at = [f(leaf + t * step * direction) for t in (-2, -1, 1, 2)]
    return (at[0] - 8 * at[1] + 8 * at[2] - at[3]) / (12 * step)


def _unit(array):
    length = np.sqrt(np.sum(np.square(array)))
    return array / length if length else array
