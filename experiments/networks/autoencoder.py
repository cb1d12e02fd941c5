"""Networks with a bottleneck: an encoder, latents that can be coded, a decoder."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp

import fnnet as fn
from experiments.networks.bottlenecks import Bottleneck
from experiments.networks.padding import finished, prepared
from fnnet import core
from fnnet.core import require


class Coded(NamedTuple):
    """Output of a coded forward pass: the reconstruction, its latents, and the bits they cost.

    `latents` are (N, h, w, C), as the decoder received them; `bits` has their shape, and is None
    where no prior is learned.
    """

    images: jax.Array
    latents: jax.Array
    bits: jax.Array | None
    state: dict


@dataclass(frozen=True, eq=False, kw_only=True)
class Autoencoder(fn.Layer):
    """A layer ``images (N, H, W, 3) -> images`` whose two halves can be used separately.

    Parameters
    ----------
    multiple : int
        Factor by which the latents' grid is coarser than the image.
    bottleneck : Bottleneck
        Its `rates` is the number of rates: a call's `rate`, (N,) integers from 0, chooses one for
        each image. ``apply``, which takes no rate, uses the middle one.
    code : callable
        ``(params, state, x, rate, *, key=None, train=False) -> Coded``.
    encode : callable
        ``(params, state, x, rate) -> latents (N, h, w, C)``.
    decode : callable
        ``(params, state, latents, rate, (H, W)) -> images (N, H, W, 3)``.
    """

    multiple: int
    bottleneck: Bottleneck
    code: Callable
    encode: Callable
    decode: Callable


def autoencoder(encoder, decoder, multiple, bottleneck: Bottleneck):
    """Join an encoder and a decoder by a bottleneck.

    The encoder maps images with sides divisible by `multiple`, centred on 0, to (N, h, w, C); the
    decoder maps them back.
    """
    parts = _Parts(encoder, decoder, multiple, bottleneck)
    return Autoencoder(
        "autoencoder",
        parts.init,
        parts.apply,
        {
            "multiple": multiple,
            "latents": bottleneck.name,
            "distortion_weights": bottleneck.distortion_weights,
        },
        {"encoder": encoder, "decoder": decoder},
        multiple=multiple,
        bottleneck=bottleneck,
        code=parts.code,
        encode=parts.encode,
        decode=parts.decode,
    )


@dataclass(frozen=True, eq=False)
class _Parts:
    encoder: fn.Layer
    decoder: fn.Layer
    multiple: int
    bottleneck: Bottleneck

    def init(self, key, in_shape):
        require(len(in_shape) == 3, f"expects images (H, W, C), got an example of {in_shape}")
        padded = jax.eval_shape(lambda x: prepared(x, self.multiple), core.examples(in_shape))
        params, state, shape = {}, {}, padded.shape[1:]
        for name, part in (("encoder", self.encoder), ("decoder", self.decoder)):
            child, child_state = core.init_child(name, part, key, shape)
            params |= {name: child} if child else {}
            state |= {name: child_state} if child_state else {}
            if name == "encoder":
                shape = core.child_out_shape(name, part, child, child_state, shape)
        channels = shape[-1]
        params |= self.bottleneck.init(key, channels)
        if self.bottleneck.entries is not None:
            rates, entries = self.bottleneck.rates, self.bottleneck.entries
            state["tables"] = {  # of an untrained network: final shapes, all zeros
                "freq": jnp.zeros((rates, channels, entries), jnp.uint16),
                "size": jnp.zeros((rates, channels), jnp.int32),
                "start": jnp.zeros((rates, channels), jnp.int32),
            }
        return params, state

    def apply(self, params, state, x, *, key=None, train=False):
        rate = jnp.full(x.shape[:1], self.bottleneck.middle_rate, jnp.int32)
        coded = self.code(params, state, x, rate, key=key, train=train)
        return coded.images, coded.state

    def code(self, params, state, x, rate, *, key=None, train=False):
        y, encoder_state = self._analyse(params, state, x, rate, key, train)
        latents, bits = self.bottleneck.transmit(params, y, rate, key=key, train=train)
        images, decoder_state = self._synthesise(
            params, state, latents, rate, x.shape[1:3], key, train
        )
        inner = {"encoder": encoder_state, "decoder": decoder_state}
        inner = {name: part for name, part in inner.items() if part}
        return Coded(images, latents, bits, state | inner)

    def encode(self, params, state, x, rate):
        y, _ = self._analyse(params, state, x, rate)
        return self.bottleneck.transmit(params, y, rate, key=None, train=False).latents

    def decode(self, params, state, latents, rate, size):
        return self._synthesise(params, state, latents, rate, size)[0]

    def _analyse(self, params, state, x, rate, key=None, train=False):
        x = prepared(x, self.multiple)
        y, inner = core.apply_child("encoder", self.encoder, params, state, x, key=key, train=train)
        return self.bottleneck.scale(params, y, rate), inner

    def _synthesise(self, params, state, latents, rate, size, key=None, train=False):
        y = self.bottleneck.unscale(params, latents, rate)
        y, inner = core.apply_child("decoder", self.decoder, params, state, y, key=key, train=train)
        return finished(y, size), inner
