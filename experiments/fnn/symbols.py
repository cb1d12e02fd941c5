"""Conversion between latents (h, w, C) and the symbols (C, h * w) of their tables."""

import numpy as np

from experiments.fnn import escapes
from experiments.fnn.errors import require
from experiments.fnn.frequencies import TOTAL, dtype_of


def to_symbols(latents, tables):
    """Look (h, w, C) int32 latents up in their channels' tables.

    Returns (C, h * w) int32 symbols, entries of the tables, channel by channel and row by row; and
    the latents outside the tables, int32, in the order of their symbols. Raises `FnnError` if
    `latents` has another dtype or other channels.
    """
    given = dtype_of(latents)
    require(given == np.int32, f"latents are {given}; they must be int32")
    require(
        latents.ndim == 3 and latents.shape[2] == tables.channels,
        f"latents have shape {latents.shape}; the tables have {tables.channels} channels",
    )
    flat = latents.reshape(-1, tables.channels).T
    start, size = tables.start[:, None], tables.size[:, None]
    inside = (flat >= start) & (flat <= start + (size - 2))
    # The difference may wrap, but then the latent is outside.
    symbols = np.where(inside, flat - start, size - 1)
    return np.ascontiguousarray(symbols), flat[~inside]


def to_latents(symbols, escaped, tables, shape):
    """Convert symbols back to latents of `shape` (h, w, C): the inverse of `to_symbols`.

    Raises `FnnError` if an escaped latent is in its channel's table.
    """
    start, size = tables.start[:, None], tables.size[:, None]
    flat = symbols + start
    is_escape = symbols == size - 1
    channel = np.repeat(np.arange(tables.channels), is_escape.sum(1))
    first = tables.start[channel]
    inside = (escaped >= first) & (escaped <= first + (tables.size[channel] - 2))
    if inside.any():
        k = int(inside.argmax())
        require(False, f"escapes invalid: {escaped[k]} is in the table of channel {channel[k]}")
    flat[is_escape] = escaped
    return np.ascontiguousarray(flat.T).reshape(shape)


def ideal_bits(latents, tables):
    """Compute the bits of (h, w, C) int32 latents by their tables, escaped values included.

    ``-sum(log2(freq / 65536)) + 8 * escape bytes``; a file has about 53 bytes more.
    """
    symbols, escaped = to_symbols(latents, tables)
    used = np.take_along_axis(tables.freq, symbols, axis=1)
    return float(-np.log2(used / TOTAL).sum()) + 8 * len(escapes.pack(escaped))
