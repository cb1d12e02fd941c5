"""Networks with a bottleneck: an encoder, latents that can be coded, a decoder."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp

import fnnet as fn
from experiments.networks.padding import finished, prepared
from fnnet import core, ops
from fnnet.core import require

Latents = Literal["real", "bounded", "penalised"]

# Bounded latents are whole numbers from -BOUND to BOUND: at most 4.1 bits each.
BOUND = 8
# Entries of a penalised channel's table of frequencies, with the one for all that is outside.
ENTRIES = 256
# How many steps of rounding the encoder's first outputs spread over, at `_USUAL_WEIGHT`.
_SPREAD, _USUAL_WEIGHT = 3.0, 0.0067
_PRIOR = fn.factorized_prior(3)


class Coded(NamedTuple):
    """What became of images: the result, its latents, and the bits they cost.

    `latents` are (N, h, w, C), as the decoder was given them; `bits` has their shape, and is None
    where no prior is learned.
    """

    images: jax.Array
    latents: jax.Array
    bits: jax.Array | None
    state: dict


@dataclass(frozen=True, eq=False, kw_only=True)
class Autoencoder(fn.Layer):
    """A layer ``images (N, H, W, 3) -> images`` that can be used in two halves.

    Parameters
    ----------
    rates : int
        How many rates it was made for. A call's `rate`, (N,) whole numbers from 0, chooses one for
        each image; without it, ``apply`` takes the middle one, `middle_rate`.
    entries : int or None
        Entries of a channel's table of frequencies; None if its latents are real numbers.
    code : callable
        ``(params, state, x, rate, *, key=None, train=False) -> Coded``.
    encode : callable
        ``(params, state, x, rate) -> latents (N, h, w, C)``.
    decode : callable
        ``(params, state, latents, rate, (H, W)) -> images (N, H, W, 3)``.
    """

    rates: int
    entries: int | None
    code: Callable
    encode: Callable
    decode: Callable

    @property
    def middle_rate(self):
        """The rate that is taken where none is named; of an even number the lower one."""
        return middle_rate(self.rates)


def middle_rate(rates):
    """Give the index of the middle one of so many rates; of an even number the lower one."""
    return (rates - 1) // 2


def autoencoder(encoder, decoder, multiple, *, latents: Latents, distortion_weights=()):
    """Put quantisation between an encoder and a decoder.

    Parameters
    ----------
    encoder, decoder : Layer
        Images with sides divisible by `multiple`, centred on 0, -> (N, h, w, C), and back.
    latents : "real", "bounded" or "penalised"
        Real numbers, as they are. Or whole numbers: bounded ones by tanh, to -8..8, with even noise
        in place of rounding in training; penalised ones are free, and their bits are told by a
        prior that is learned with them, from noise too, while the decoder is given rounded ones.
    distortion_weights : tuple of float
        For penalised latents, the weights lambda of ``bits + lambda * distortion`` that the
        network is trained for, one a rate, rising. Each rate has a gain of its own for each channel
        in front of rounding, its inverse behind, and a prior of its own.

    Returns
    -------
    Autoencoder

    References
    ----------
    Ballé, Laparra, Simoncelli 2017, arXiv:1611.01704; gains: Cui et al. 2021, arXiv:2003.02012,
    section 3; noise for the prior and rounding for the decoder: Minnen, Singh 2020,
    arXiv:2007.08739.
    """
    rates = max(len(distortion_weights), 1)
    entries = {"real": None, "bounded": 2 * BOUND + 2, "penalised": ENTRIES}[latents]
    quantize, parts = fn.quantize(), {"encoder": encoder, "decoder": decoder}

    def init(key, in_shape):
        require(len(in_shape) == 3, f"expects images (H, W, C), got an example of {in_shape}")
        enter = partial(prepared, multiple=multiple)
        params, state, shapes = {}, {}, [jax.eval_shape(enter, core.examples(in_shape)).shape[1:]]
        for name, part in parts.items():
            own, own_state = core.init_child(name, part, key, shapes[-1])
            params |= {name: own} if own else {}
            state |= {name: own_state} if own_state else {}
            shapes.append(core.child_out_shape(name, part, own, own_state, shapes[-1]))
        channels = shapes[1][-1]
        if latents == "penalised":
            params |= _penalised_params(key, distortion_weights, channels)
        if entries is not None:
            state["tables"] = _empty_tables(rates, channels, entries)
        return params, state

    def analyse(params, state, x, rate, key=None, train=False):
        x = prepared(x, multiple)
        y, inner = core.apply_child("encoder", encoder, params, state, x, key=key, train=train)
        if latents == "bounded":
            y = BOUND * ops.tanh(y)
        if latents == "penalised":
            y = y * _gain(params["gain"], rate)
        return y, inner

    def quantized(y, key=None, train=False):
        if latents == "real":
            return y
        return core.apply_child("quantize", quantize, {}, {}, y, key=key, train=train)[0]

    def synthesise(params, state, y, rate, size, key=None, train=False):
        if latents == "bounded":
            y = y / BOUND
        if latents == "penalised":
            y = y * _gain(params["inverse_gain"], rate)
        y, inner = core.apply_child("decoder", decoder, params, state, y, key=key, train=train)
        return finished(y, size), inner

    def code(params, state, x, rate, *, key=None, train=False):
        y, encoder_state = analyse(params, state, x, rate, key, train)
        taken, bits = quantized(y, key, train), None
        if latents == "penalised":
            prior = jax.tree.map(lambda leaf: leaf[rate], params["prior"])
            bits = jax.vmap(_bits)(prior, taken)
            taken = ops.round_straight_through(y)
        images, decoder_state = synthesise(params, state, taken, rate, x.shape[1:3], key, train)
        inner = {"encoder": encoder_state, "decoder": decoder_state}
        inner = {name: part for name, part in inner.items() if part}
        return Coded(images, taken, bits, state | inner)

    def apply(params, state, x, *, key=None, train=False):
        rate = jnp.full(x.shape[:1], middle_rate(rates), jnp.int32)
        coded = code(params, state, x, rate, key=key, train=train)
        return coded.images, coded.state

    def encode(params, state, x, rate):
        return quantized(analyse(params, state, x, rate)[0])

    def decode(params, state, y, rate, size):
        return synthesise(params, state, y, rate, size)[0]

    return Autoencoder(
        "autoencoder",
        init,
        apply,
        {"multiple": multiple, "latents": latents, "distortion_weights": distortion_weights},
        parts,
        rates=rates,
        entries=entries,
        code=code,
        encode=encode,
        decode=decode,
    )


def _empty_tables(rates, channels, entries):
    """Make the tables of a network that is not trained yet: of their shapes, all zeros."""
    return {
        "freq": jnp.zeros((rates, channels, entries), jnp.uint16),
        "size": jnp.zeros((rates, channels), jnp.int32),
        "start": jnp.zeros((rates, channels), jnp.int32),
    }


def _penalised_params(key, weights, channels):
    """Start each rate's gains where the theory of fine rounding has them: as the root of lambda."""
    steps = _SPREAD * jnp.sqrt(jnp.asarray(weights, jnp.float32) / _USUAL_WEIGHT)
    log_gain = jnp.broadcast_to(jnp.log(steps)[:, None], (len(weights), channels))
    prior, _ = _PRIOR.init(key, (channels,))
    return {
        "gain": log_gain,
        "inverse_gain": -log_gain,
        "prior": jax.tree.map(lambda leaf: jnp.stack([leaf] * len(weights)), prior),
    }


def _gain(log_gains, rate):
    return jnp.exp(log_gains[rate])[:, None, None, :]


def _bits(prior: dict[str, Any], latents):
    return _PRIOR.apply(prior, {}, latents)[0]


def prior_bits(params, rate):
    """Make ``latents (..., C) -> bits``, by the prior of one rate."""
    return partial(_bits, jax.tree.map(lambda leaf: leaf[rate], params["prior"]))
