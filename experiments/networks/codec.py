"""A trained autoencoder as a codec: tables of its latents, images to files and back."""

from dataclasses import dataclass
from functools import cached_property
from itertools import islice

import jax
import jax.numpy as jnp
import numpy as np

from experiments.fnn import Model, Tables, encode, ideal_bits, make_tables, read
from experiments.networks.autoencoder import Autoencoder
from experiments.networks.padding import padded_pixels
from experiments.networks.tasks import normalise
from experiments.networks.tiles import in_tiles
from experiments.system.errors import RunError
from fnnet import metrics, trees

# Larger images are processed in tiles of this size, in pixels, and a margin of the network's reach.
_TILE = 1024
# A reach of this many cells or more is not measured, and such a network gets no tiles.
_PROBE = 16
# Number of latents that the prior's probabilities weigh as much as.
_PRIOR_COUNT = 200.0
_MOST_IMAGES = 64


@dataclass(frozen=True)
class Read:
    """An image read from a file: (H, W, 3) uint8, its rate, and whether it is grey."""

    pixels: np.ndarray
    rate: int
    is_grey: bool


@dataclass(frozen=True)
class Written:
    """An image's file, the share of its latents that are escapes, and its size by the tables."""

    data: bytes
    escapes: float
    ideal_bits: float


class Codec:
    """Writer and reader of ``.fnn`` files by a trained model that has its tables.

    Parameters
    ----------
    model_record : dict
        The model's config; with parameters and state it makes the digest that files name.

    Attributes
    ----------
    rates, middle_rate : int
        Number of rates, and the index of the default one.

    Raises
    ------
    RunError
        If the model's latents are real numbers, or its tables have not been built.
    FnnError
        If the tables are damaged.
    """

    def __init__(self, model, params, state, model_record):
        if not is_codec(model):
            raise RunError(
                "the run's latents are real numbers, which no file holds; train one with "
                "--task autoencode"
            )
        self._coder = _Coder(model, params, state)
        self.rates, self.middle_rate = model.bottleneck.rates, model.bottleneck.middle_rate
        self._model = Model(
            digest(params, state, model_record), _as_tables(state["tables"]), self._latent_shape
        )

    @property
    def tables(self):
        """The tables of each rate."""
        return self._model.tables

    @property
    def digest(self):
        """The 8 bytes by which files identify the model."""
        return self._model.digest

    def write(self, pixels, rate, *, is_grey=False) -> Written:
        """Encode an image, (H, W, 3) uint8, as a file's bytes at a rate from 0 to ``rates - 1``.

        A grey one is decoded with one channel.
        """
        height, width = pixels.shape[:2]
        latents, tables = self._coder.latents(pixels, rate), self.tables[rate]
        encoded = encode(
            latents,
            tables,
            width=width,
            height=height,
            channels=1 if is_grey else 3,
            rate=rate,
            model=self.digest,
        )
        escapes = encoded.escapes / encoded.symbols
        return Written(encoded.data, escapes, ideal_bits(latents, tables))

    def read(self, source, *, name="the bytes") -> Read:
        """Read a file, given by its path or as bytes that errors call `name`.

        Raises an FnnError if it is damaged, hostile, or another model's.
        """
        header, latents = read(source, self._model, name=name)
        size = header.height, header.width
        pixels = self._coder.pixels(latents, header.rate, size)
        if header.channels == 1:
            grey = pixels.mean(-1, keepdims=True).round().astype(np.uint8)
            pixels = np.repeat(grey, 3, axis=-1)
        return Read(pixels, header.rate, header.channels == 1)

    def _latent_shape(self, width, height):
        multiple = self._coder.multiple
        return -(-height // multiple), -(-width // multiple), self.tables[0].channels


def is_codec(model):
    """Return whether a model's latents can be coded."""
    return isinstance(model, Autoencoder) and model.bottleneck.entries is not None


def digest(params, state, model_record):
    """Hash a model's config and all its arrays to the 8 bytes by which files identify it."""
    named = trees.flatten({"params": params, "state": state})
    return bytes.fromhex(trees.digest(jax.device_get(named), model_record))[:8]


def with_tables(model, params, state, images):
    """Build the tables of a trained model from the first 64 training images, each (H, W, 3) uint8.

    Returns the state with tables: for each rate and channel the frequencies of the latents in these
    images, mixed with the prior's, or with uniform ones without a learned prior, as if 200 latents
    had followed those. A table holds all latents but the rarest 1e-4.
    """
    coder, images = _Coder(model, params, state), list(islice(images, _MOST_IMAGES))
    rates = range(model.bottleneck.rates)
    tables = [_rate_tables(coder, model, params, rate, images) for rate in rates]
    stacked = {
        "freq": np.stack([table.freq for table in tables]),
        "size": np.stack([table.size for table in tables]),
        "start": np.stack([table.start for table in tables]),
    }
    return state | {"tables": jax.tree.map(jnp.asarray, stacked)}


class _Coder:
    """The two halves of a network, compiled, for images of any size."""

    def __init__(self, model, params, state):
        self.multiple = model.multiple
        self._weights = jax.device_put((params, state))
        self._encode = jax.jit(model.encode)
        self._decode = jax.jit(model.decode, static_argnums=4)

    def latents(self, pixels, rate):
        """Compute latents (h, w, C) int32."""

        def encode_tile(pixels):
            latents = self._encode(*self._weights, normalise(pixels[None]), _rates(rate))[0]
            return _integers(np.asarray(latents))

        return in_tiles(
            encode_tile,
            padded_pixels(pixels, self.multiple),
            size=self._tile_size,
            reach=self._reach(pixels.shape),
            scale_in=self.multiple,
            scale_out=1,
        )

    def pixels(self, latents, rate, size):
        """Compute the image (H, W, 3) uint8 of latents (h, w, C) int32."""

        def decode_tile(latents):
            full = tuple(self.multiple * length for length in latents.shape[:2])
            x = jnp.asarray(latents[None], jnp.float32)
            return metrics.to_8_bit(self._decode(*self._weights, x, _rates(rate), full)[0])

        padded = in_tiles(
            decode_tile,
            latents,
            size=self._tile_size,
            reach=self._reach(size),
            scale_in=1,
            scale_out=self.multiple,
        )
        return padded[: size[0], : size[1]]

    @property
    def _tile_size(self):
        return max(_TILE // self.multiple, 1)

    def _reach(self, size):
        """Return the network's reach in cells, measured only where an image needs tiles."""
        return 0 if size[0] * size[1] <= _TILE**2 else self._measured_reach

    @cached_property
    def _measured_reach(self):
        """Measure the reach by a NaN: every value that depends on it becomes NaN.

        None if the reach is at least `_PROBE`.
        """
        cells = 2 * _PROBE + 1
        x = np.zeros((1, cells * self.multiple, cells * self.multiple, 3), np.float32)
        centre = slice(_PROBE * self.multiple, (_PROBE + 1) * self.multiple)
        x[:, centre, centre] = np.nan
        latents = np.array(self._encode(*self._weights, x, _rates(0)))
        reached = [np.isnan(latents[0]).any(-1)]
        latents[:] = 0
        latents[0, _PROBE, _PROBE] = np.nan
        y = np.asarray(self._decode(*self._weights, latents, _rates(0), x.shape[1:3]))[0]
        blocks = y.reshape(cells, self.multiple, cells, self.multiple, 3)
        reached.append(np.isnan(blocks).any((1, 3, 4)))
        furthest = max(np.abs(np.argwhere(mask) - _PROBE).max() for mask in reached)
        return int(furthest) if furthest < _PROBE else None


def _rates(rate):
    return jnp.full((1,), rate, jnp.int32)


def _integers(latents):
    """Convert latents to int32; those of grey levels are finite unless training diverged."""
    if not np.isfinite(latents).all() or np.abs(latents).max(initial=0) >= 2**31:
        raise RunError("the encoder's latents leave the range of 32 bits: training has diverged")
    return latents.astype(np.int32)


def _as_tables(arrays):
    freq, size, start = (np.asarray(arrays[name]) for name in ("freq", "size", "start"))
    if not size.any():
        raise RunError(
            "the run's tables are not built yet, which the end of its training does; go on with "
            "python -m experiments.train --resume"
        )
    return tuple(Tables(*rate) for rate in zip(freq, size, start, strict=True))


def _rate_tables(coder, model, params, rate, images):
    latents = [coder.latents(pixels, rate) for pixels in images]
    seen = np.concatenate([each.reshape(-1, each.shape[2]) for each in latents])
    lowest, prior = model.bottleneck.expected(params, rate, seen)
    channels = [
        (lowest[channel], _mixed(seen[:, channel], lowest[channel], prior[channel]))
        for channel in range(seen.shape[1])
    ]
    return make_tables(channels, model.bottleneck.entries)


def _mixed(seen, lowest, prior):
    """Mix the observed frequencies of latents with their prior probabilities."""
    entries = seen - lowest
    entries = entries[(entries >= 0) & (entries < len(prior))]
    counts = np.bincount(entries, minlength=len(prior))
    return (counts + _PRIOR_COUNT * prior) / (len(seen) + _PRIOR_COUNT)
