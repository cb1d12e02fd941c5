"""Initialisers: ``(key, shape, dtype=float32) -> array``.

Fans are counted as for a kernel (..., inputs, outputs): one output sums over all axes but the last.
Any function with this signature can be used as an initialiser.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jax.numpy as jnp
import numpy as np

from fnnet import random
from fnnet.core import require, require_integer

__all__ = [
    "constant",
    "delta_orthogonal",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "icnr",
    "lecun_normal",
    "lecun_uniform",
    "normal",
    "orthogonal",
    "truncated_normal",
    "uniform",
    "zeros",
]

_TRUNCATED_STDDEV = 0.87962566103423978  # of a standard normal truncated to [-2, 2]


@dataclass(frozen=True, eq=False)
class Initializer:
    """A function ``(key, shape, dtype=float32) -> array`` whose repr is its constructor call."""

    name: str
    draw: Callable
    config: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, key, shape, dtype=jnp.float32):
        return self.draw(key, shape, dtype)

    def __repr__(self):
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.config.items())
        return f"{self.name}({arguments})"


def zeros():
    """Fill with 0."""
    return Initializer("zeros", lambda key, shape, dtype: jnp.zeros(shape, dtype))


def constant(value):
    """Fill with `value`."""
    fill = lambda key, shape, dtype: jnp.full(shape, value, dtype)  # noqa: E731
    return Initializer("constant", fill, {"value": value})


def uniform(low, high):
    """Draw uniformly from [low, high), `low` below `high`."""
    require(low < high, f"uniform: low={low} must be below high={high}")

    def draw(key, shape, dtype):
        return random.uniform(key, shape, dtype, low=low, high=high)

    return Initializer("uniform", draw, {"low": low, "high": high})


def normal(stddev):
    """Draw from a normal distribution with mean 0 and standard deviation `stddev`, above 0."""
    require(stddev > 0, f"normal: stddev={stddev} must be above 0")
    draw = lambda key, shape, dtype: stddev * random.normal(key, shape, dtype)  # noqa: E731
    return Initializer("normal", draw, {"stddev": stddev})


def truncated_normal(stddev):
    """Draw from a normal distribution with mean 0, truncated at two of its standard deviations.

    `stddev`, above 0, is the standard deviation of the truncated distribution; draws are within
    2.27 of it.
    """
    require(stddev > 0, f"truncated_normal: stddev={stddev} must be above 0")

    def draw(key, shape, dtype):
        return stddev / _TRUNCATED_STDDEV * random.truncated_normal(key, shape, dtype)

    return Initializer("truncated_normal", draw, {"stddev": stddev})


def lecun_normal():
    """Draw normally with variance ``1 / fan_in`` (LeCun, Bottou, Orr, Müller 1998, section 4.6)."""
    return _by_fans("lecun_normal", random.normal, _lecun)


def lecun_uniform():
    """Draw uniformly, variance ``1 / fan_in`` (LeCun, Bottou, Orr, Müller 1998, section 4.6)."""
    return _by_fans("lecun_uniform", _unit_uniform, _lecun)


def glorot_normal():
    """Draw normally with variance ``2 / (fan_in + fan_out)`` (Glorot, Bengio 2010, equation 12)."""
    return _by_fans("glorot_normal", random.normal, _glorot)


def glorot_uniform():
    """Draw uniformly, variance ``2 / (fan_in + fan_out)`` (Glorot, Bengio 2010, equation 16)."""
    return _by_fans("glorot_uniform", _unit_uniform, _glorot)


def he_normal():
    """Draw normally with variance ``2 / fan_in``, for relu (He et al. 2015, arXiv:1502.01852)."""
    return _by_fans("he_normal", random.normal, _he)


def he_uniform():
    """Draw uniformly with variance ``2 / fan_in``, for relu (He et al. 2015, arXiv:1502.01852)."""
    return _by_fans("he_uniform", _unit_uniform, _he)


def orthogonal(gain=1.0):
    """Draw a random rotation times `gain`: the kernel as a matrix has orthonormal columns.

    `gain` is above 0. All axes but the last are the matrix's rows; if it has more columns than
    rows, its rows are orthonormal. Saxe, McClelland, Ganguli 2014, arXiv:1312.6120.
    """
    require(gain > 0, f"orthogonal: gain={gain} must be above 0")

    def draw(key, shape, dtype):
        _require_matrix(shape)
        rows = math.prod(shape[:-1])
        return (gain * _rotation(key, rows, shape[-1], dtype)).reshape(shape).astype(dtype)

    return Initializer("orthogonal", draw, {"gain": gain})


def delta_orthogonal(gain=1.0):
    """Draw a random rotation of the channels times `gain` at the kernel's centre; 0 elsewhere.

    A convolution with kernel (kh, kw, C, features) then preserves norms, however deep the network.
    `gain` is above 0 and `features` at least C. Xiao et al. 2018, arXiv:1806.05393, section 3.
    """
    require(gain > 0, f"delta_orthogonal: gain={gain} must be above 0")

    def draw(key, shape, dtype):
        require(len(shape) == 4, f"delta_orthogonal: shape {shape} is no kernel (kh, kw, C, O)")
        require(
            shape[2] <= shape[3],
            f"delta_orthogonal: {shape[2]} channels cannot keep their lengths in {shape[3]}",
        )
        centre = (gain * _rotation(key, *shape[2:], dtype)).astype(dtype)
        return jnp.zeros(shape, dtype).at[shape[0] // 2, shape[1] // 2].set(centre)

    return Initializer("delta_orthogonal", draw, {"gain": gain})


def icnr(factor, initializer=None):
    """Draw a kernel before `depth_to_space` so that the ``factor²`` pixels of a cell start equal.

    The shuffle's output then starts as an image enlarged by repetition, without a checkerboard.
    `factor` is an integer of at least 1 whose square divides the features. `initializer` (default:
    `lecun_normal`) draws the kernel of one pixel, (..., features / factor²), in the channel order
    of `fnnet.ops.depth_to_space`.
    Aitken et al. 2017, arXiv:1707.02937.
    """
    require_integer("icnr: factor", factor)
    initializer = initializer or lecun_normal()

    def draw(key, shape, dtype):
        features, rest = divmod(shape[-1], factor**2)
        require(rest == 0, f"icnr: factor²={factor**2} must divide {shape[-1]} features")
        kernel = initializer(key, (*shape[:-1], features), dtype)
        return jnp.concatenate([kernel] * factor**2, -1)

    return Initializer("icnr", draw, {"factor": factor, "initializer": initializer})


def _by_fans(name, unit, variance):
    """Scale draws of `unit`, which have variance 1, to the `variance` for the shape's fans."""

    def draw(key, shape, dtype):
        _require_matrix(shape)
        field = math.prod(shape[:-2])
        stddev = math.sqrt(variance(field * shape[-2], field * shape[-1]))
        return stddev * unit(key, shape, dtype)

    return Initializer(name, draw)


def _lecun(fan_in, fan_out):
    return 1 / fan_in


def _glorot(fan_in, fan_out):
    return 2 / (fan_in + fan_out)


def _he(fan_in, fan_out):
    return 2 / fan_in


def _unit_uniform(key, shape, dtype):
    return random.uniform(key, shape, dtype, low=-math.sqrt(3), high=math.sqrt(3))


def _rotation(key, rows, columns, dtype):
    """Draw uniformly a matrix with orthonormal columns, or rows if there are fewer of them.

    In float32, or in `dtype` if that is wider.
    """
    dtype = np.promote_types(dtype, np.float32)
    tall = random.normal(key, (max(rows, columns), min(rows, columns)), dtype)
    q, r = jnp.linalg.qr(tall)
    # Otherwise the distribution would depend on the signs that the factorisation chooses.
    q = q * jnp.sign(jnp.diagonal(r))[None]
    return q if rows >= columns else q.T


def _require_matrix(shape):
    require(len(shape) >= 2, f"shape {shape} has no input and output axis to count fans by")
