"""Enlarging pictures by a whole factor, NHWC."""

import jax.numpy as jnp

from fnnet.ops.conv import require_pictures


def resize(x, *, factor, method="bilinear"):
    """Enlarge pictures: (N, H, W, C) -> (N, H * factor, W * factor, C).

    "nearest" repeats pixels. "bilinear" interpolates between pixel centres and continues the edge
    outwards, as ``jax.image.resize`` does, but as a few shifted sums instead of dense matrices.
    """
    require_pictures(x)
    if method == "nearest":
        return jnp.repeat(jnp.repeat(x, factor, axis=1), factor, axis=2)
    return _bilinear(_bilinear(x, factor, axis=1), factor, axis=2)


def _bilinear(x, factor, axis):
    before = jnp.concatenate([_part(x, 0, 1, axis), _part(x, 0, -1, axis)], axis)
    after = jnp.concatenate([_part(x, 1, None, axis), _part(x, -1, None, axis)], axis)
    phases = []
    for phase in range(factor):
        shift = (phase + 0.5) / factor - 0.5  # of this output's centre from the input's
        neighbour = before if shift < 0 else after
        phases.append((1 - abs(shift)) * x + abs(shift) * neighbour)
    shape = [*x.shape[:axis], x.shape[axis] * factor, *x.shape[axis + 1 :]]
    return jnp.stack(phases, axis + 1).reshape(shape)


def _part(x, start, stop, axis):
    return x[(slice(None),) * axis + (slice(start, stop),)]
