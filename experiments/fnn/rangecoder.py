"""Symbols to bytes and back with constriction's range coder, channel by channel.

Only integers reach the coder, so that its bytes are the same on every machine. The library takes
floats and converts them to frequencies of 24 bits: ``floor(left_sum * (2**24 - n) / sum) + index``
for n entries. For ``f - 1`` with integers f that sum to 2**24, ``sum`` is ``2**24 - n``, the
factor is exactly 1, and the frequencies are f. For f itself they would differ.
"""

import numpy as np
from constriction import stream

from experiments.fnn.errors import FnnError, require

_SHIFT = 8  # from frequencies of 16 bits to the coder's 24


def encode(symbols, tables):
    """Encode (C, n) int32 symbols as a ``payload`` of little-endian words of 4 bytes.

    Raises `FnnError` if a symbol is not in its channel's table.
    """
    _check(symbols, tables)
    # A new encoder for each file: clear() leaves a pending carry behind.
    encoder = stream.queue.RangeEncoder()
    for row, model in zip(symbols, _models(tables), strict=True):
        encoder.encode(np.ascontiguousarray(row), model)
    return encoder.get_compressed().astype("<u4").tobytes()


def decode(payload, tables, count):
    """Decode `count` symbols per channel, (C, count) int32, from a multiple of 4 bytes.

    `count` must come from a size that has been checked: memory for it is allocated at once, and a
    failure to do so ends the process. Few payloads are rejected, with an `FnnError` where a word
    lies outside every symbol's interval: the coder reads missing words as zeros and most noise as
    symbols. Check a digest before, and compare the payload with the symbols encoded again
    afterwards.
    """
    decoder = stream.queue.RangeDecoder(np.frombuffer(payload, "<u4").astype(np.uint32))
    symbols = np.empty((tables.channels, count), np.int32)
    try:
        for row, model in zip(symbols, _models(tables), strict=True):
            row[:] = decoder.decode(model, count)
    except AssertionError:  # the library's sign of invalid data
        raise FnnError("payload invalid") from None
    return symbols


def _models(tables):
    for freq, size in zip(tables.freq, tables.size, strict=True):
        f = freq[:size].astype(np.int64) << _SHIFT
        yield stream.model.Categorical((f - 1).astype(np.float64), lazy=False, perfect=False)


def _check(symbols, tables):
    """Raise for symbols that the library would reject half-way or without naming them."""
    given = f"{symbols.dtype} {symbols.shape}"
    fits = symbols.dtype == np.int32 and symbols.ndim == 2 and len(symbols) == tables.channels
    require(fits, f"symbols are {given}; they must be int32 ({tables.channels}, n)")
    outside = (symbols < 0) | (symbols >= tables.size[:, None])
    if outside.any():
        channel, k = np.argwhere(outside)[0]
        size = tables.size[channel]
        require(False, f"channel {channel}: symbol {symbols[channel, k]} is not below {size}")
