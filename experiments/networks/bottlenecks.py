"""Bottlenecks of autoencoders: real, bounded and penalised latents, each a `Bottleneck`.

A bottleneck scales the encoder's output to the units in which latents are rounded, passes latents
on to the decoder, estimates their bits, and names the distribution that the entropy coder's tables
start from. Another kind of latents is another value of `Bottleneck`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import fnnet as fn
from fnnet import core, ops

Latents = Literal["real", "bounded", "penalised"]

# Bounded latents are integers from -BOUND to BOUND: at most 4.1 bits each.
BOUND = 8
# Entries of a penalised channel's frequency table; the last one stands for all outside latents.
ENTRIES = 256
# Quantisation steps over which the encoder's first outputs spread, at `_USUAL_WEIGHT`.
_SPREAD, _USUAL_WEIGHT = 3.0, 0.0067
# Share of the training latents that may lie outside a penalised channel's table.
_TAIL = 1e-4
_PRIOR = fn.factorized_prior(3)
_QUANTIZE = fn.quantize()


class Passed(NamedTuple):
    """Latents (N, h, w, C) as the decoder receives them, and their bits; None without a prior."""

    latents: jax.Array
    bits: jax.Array | None


@dataclass(frozen=True, eq=False, kw_only=True)
class Bottleneck:
    """Latents between an encoder and a decoder.

    Every function takes the autoencoder's whole `params`, of which it reads the names that `init`
    created; `rate` is (N,) integers, the rate of each image.

    Parameters
    ----------
    distortion_weights : tuple of float
        Weights lambda of ``bits + lambda * distortion`` (see `losses`), one per rate; empty if bits
        are not part of the loss.
    entries : int or None
        Entries of a channel's frequency table; None if the latents are real numbers.
    init : callable
        ``(key, channels) -> params``.
    scale, unscale : callable
        ``(params, y, rate) -> y``: the encoder's output to quantisation steps, and back.
    transmit : callable
        ``(params, y, *, key, train, rate) -> Passed``: rounds at inference.
    expected : callable
        ``(params, rate, latents (count, channels)) -> (lowest, probabilities)``: each channel's
        first table entry, and the probabilities that the tables start from.
    """

    name: Latents
    distortion_weights: tuple[float, ...] = ()
    entries: int | None = None
    init: Callable = lambda key, channels: {}
    scale: Callable = lambda params, y, rate: y
    unscale: Callable = lambda params, y, rate: y
    transmit: Callable = lambda params, y, rate, *, key, train: Passed(y, None)
    expected: Callable | None = None

    @property
    def rates(self):
        """Number of rates, at least 1."""
        return max(len(self.distortion_weights), 1)

    @property
    def middle_rate(self):
        """Index of the middle rate, the default; the lower one of an even number."""
        return (self.rates - 1) // 2


def bottleneck(name: Latents, distortion_weights=()):
    """Build the bottleneck that a network's config names.

    Parameters
    ----------
    name : "real", "bounded" or "penalised"
        Real: latents pass as they are. Bounded: integers from -8 to 8, by tanh, with uniform noise
        in place of rounding during training. Penalised: unbounded integers whose bits a learned
        prior estimates; during training the prior receives noisy latents, the decoder rounded
        ones.
    distortion_weights : tuple of float
        For penalised latents, rising, one per rate. Each rate has its own gain per channel before
        rounding, its inverse behind, and its own prior.

    References
    ----------
    Ballé, Laparra, Simoncelli 2017, arXiv:1611.01704; gains: Cui et al. 2021, arXiv:2003.02012,
    section 3; noise for the prior and rounding for the decoder: Minnen, Singh 2020,
    arXiv:2007.08739.
    """
    if name == "real":
        return Bottleneck(name=name)
    return _bounded() if name == "bounded" else _penalised(distortion_weights)


def prior_bits(params, rate):
    """Return ``latents (..., C) -> bits`` under the prior of one rate."""
    return partial(_bits, jax.tree.map(lambda leaf: leaf[rate], params["prior"]))


def _bounded():
    return Bottleneck(
        name="bounded",
        entries=2 * BOUND + 2,
        scale=lambda params, y, rate: BOUND * ops.tanh(y),
        unscale=lambda params, y, rate: y / BOUND,
        transmit=lambda params, y, rate, *, key, train: Passed(_quantized(y, key, train), None),
        expected=_uniform,
    )


def _penalised(distortion_weights):
    return Bottleneck(
        name="penalised",
        distortion_weights=distortion_weights,
        entries=ENTRIES,
        init=partial(_init_penalised, weights=distortion_weights),
        scale=lambda params, y, rate: y * _gain(params["gain"], rate),
        unscale=lambda params, y, rate: y * _gain(params["inverse_gain"], rate),
        transmit=_transmit_penalised,
        expected=_expected_by_prior,
    )


def _quantized(y, key, train):
    return core.apply_child("quantize", _QUANTIZE, {}, {}, y, key=key, train=train)[0]


def _uniform(params, rate, latents):
    channels, values = latents.shape[1], 2 * BOUND + 1
    return np.full(channels, -BOUND), [np.full(values, 1 / values)] * channels


def _init_penalised(key, channels, *, weights):
    """Initialise each rate's gain proportional to sqrt(lambda), as high-rate theory predicts."""
    steps = _SPREAD * jnp.sqrt(jnp.asarray(weights, jnp.float32) / _USUAL_WEIGHT)
    log_gain = jnp.broadcast_to(jnp.log(steps)[:, None], (len(weights), channels))
    prior, _ = _PRIOR.init(key, (channels,))
    return {
        "gain": log_gain,
        "inverse_gain": -log_gain,
        "prior": jax.tree.map(lambda leaf: jnp.stack([leaf] * len(weights)), prior),
    }


def _transmit_penalised(params, y, rate, *, key, train):
    prior = jax.tree.map(lambda leaf: leaf[rate], params["prior"])
    bits = jax.vmap(_bits)(prior, _quantized(y, key, train))
    return Passed(ops.round_straight_through(y), bits)


def _expected_by_prior(params, rate, latents):
    """Return ranges that cover all but the rarest 1e-4 of the latents, and prior probabilities."""
    count, channels = latents.shape
    ordered, rare = np.sort(latents, axis=0), int(count * _TAIL / 2)
    lowest, highest = ordered[rare], ordered[count - 1 - rare]
    grid = np.arange(lowest.min(), highest.max() + 1)
    values = np.repeat(grid[:, None], channels, axis=1).astype(np.float32)
    mass = np.exp2(-np.asarray(prior_bits(params, rate)(values), np.float64))
    ranges = zip(lowest - grid[0], highest - grid[0] + 1, strict=True)
    return lowest, [mass[low:high, channel] for channel, (low, high) in enumerate(ranges)]


def _gain(log_gains, rate):
    return jnp.exp(log_gains[rate])[:, None, None, :]


def _bits(prior, latents):
    return _PRIOR.apply(prior, {}, latents)[0]
