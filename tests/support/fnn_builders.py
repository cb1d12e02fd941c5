"""Tables, latents, models and files for the tests of coding."""

import hashlib
import zlib

import numpy as np

from experiments.fnn import Model, Tables, encode, frequencies, make_tables

DIGEST = bytes.fromhex("91bc0102030405ff")
STRIDE = 8


def random_tables(rng, channels, most, *, skew=1.0):
    """Tables of every size from 2 to `most`; a high `skew` makes most frequencies 1."""
    freq = np.zeros((channels, most), np.uint16)
    size = rng.integers(2, most, channels, endpoint=True).astype(np.int32)
    for row, n in zip(freq, size, strict=True):
        row[:n] = frequencies(rng.exponential(size=n) ** skew + 1e-300)
    return Tables(freq, size, rng.integers(-60, 5, channels).astype(np.int32))


def random_latents(rng, tables, shape, *, escapes=0.01):
    """Latents with the tables' own frequencies; of some the value is any of 32 bits."""
    latents = np.empty((*shape, tables.channels), np.int32)
    for c, (freq, size, start) in enumerate(
        zip(tables.freq, tables.size, tables.start, strict=True)
    ):
        p = freq[:size] / 65536
        latents[..., c] = start + rng.choice(size, shape, p=p)
    wild = rng.random(latents.shape) < escapes
    bits = rng.integers(1, 32, latents.shape)
    values = rng.integers(-(2**bits), 2**bits).astype(np.int32)
    return np.where(wild, values, latents)


def laplace_tables(channels, entries=64):
    """Tables as a trained prior gives them: peaks of different width around 0."""
    values = np.arange(-40, 41)
    scales = np.geomspace(0.4, 9, channels)
    peaks = [np.exp(-abs(values) / scale) for scale in scales]
    return make_tables([(-40, p / p.sum() * 0.999) for p in peaks], entries)


def model_of(*tables, stride=STRIDE, digest=DIGEST):
    def latent_shape(width, height):
        return -(-height // stride), -(-width // stride), tables[0].channels

    return Model(digest, tables, latent_shape)


def file_of(latents, tables, *, width=None, height=None, channels=3, rate=0, model=DIGEST):
    """Encode for an image of the stride's multiple, unless told otherwise."""
    h, w, _ = latents.shape
    width, height = width or w * STRIDE, height or h * STRIDE
    return encode(
        latents, tables, width=width, height=height, channels=channels, rate=rate, model=model
    )


def repaired(data):
    """Give a file the checksums that belong to its bytes."""
    data = data[:36] + zlib.crc32(data[:36]).to_bytes(4, "little") + data[40:]
    return data[:40] + hashlib.sha256(data[:40] + data[48:]).digest()[:8] + data[48:]


def with_field(data, offset, value, length=4):
    """Set one field of a header and repair the checksums."""
    return repaired(data[:offset] + value.to_bytes(length, "little") + data[offset + length :])
