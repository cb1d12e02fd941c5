"""Vectors with one value per channel, along an array's last axis."""

import jax.numpy as jnp

from fnnet.core import at_least_float32, require


def along_last(vector, x):
    """Reshape `vector` (C,) to the rank of `x` (..., C), so that broadcasting is explicit."""
    return vector.reshape((1,) * (x.ndim - 1) + (-1,))


def add_bias(y, bias):
    """Add `bias` (C,) to the last axis of `y` (..., C); None adds nothing."""
    if bias is None:
        return y
    require(
        bias.shape == y.shape[-1:],
        f"the bias has shape {bias.shape}, the output {y.shape[-1]} channels",
    )
    # Broadcast in float32 or wider, so that its gradient is summed in that dtype whatever `y`'s:
    # more exactly, and on a CPU faster than in bfloat16.
    return y + jnp.broadcast_to(along_last(at_least_float32(bias), y), y.shape).astype(y.dtype)


def require_channels(x, **vectors):
    """Raise unless each vector has one value per channel of `x`."""
    for name, vector in vectors.items():
        require(
            vector.shape == x.shape[-1:],
            f"{name} has shape {vector.shape}, the last axis {x.shape[-1]} channels"
            + channels_first(x, vector.shape[0] if vector.ndim == 1 else None),
        )


def channels_first(x, expected):
    """Return a hint if the second of four axes has the `expected` number of channels."""
    first = x.ndim == 4 and x.shape[1] == expected
    return "; images are NHWC: did channels come first?" if first else ""
