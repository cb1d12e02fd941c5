"""Latents outside the tables, as bytes: zigzag, 7 bits per byte, low bits first, shortest form."""

import numpy as np

from experiments.fnn.errors import require

LONGEST = 5  # bytes of a value of 32 bits
_SHIFTS = np.arange(0, 7 * LONGEST, 7)


def pack(values):
    """Encode (n,) int32 values; the last byte of each has its top bit clear."""
    wide = values.astype(np.int64)
    zigzag = (wide << 1) ^ (wide >> 63)
    length = np.ones(len(zigzag), np.int64)
    for shift in _SHIFTS[1:]:
        length += zigzag >> shift > 0
    digits = zigzag[:, None] >> _SHIFTS & 0x7F
    position = np.arange(LONGEST)
    digits |= (position < length[:, None] - 1) * 0x80
    return digits[position < length[:, None]].astype(np.uint8).tobytes()


def unpack(data, count):
    """Decode exactly `count` int32 values.

    Raises `FnnError` if there are fewer or more, or a value is too long, not in its shortest form,
    or over 32 bits.
    """
    octets = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(octets < 0x80)
    whole = len(octets) == (ends[-1] + 1 if len(ends) else 0)
    require(whole, "escapes invalid: the last value has no end")
    require(len(ends) == count, f"escapes invalid: {len(ends)} values for {count} escapes")
    starts = np.append(0, ends + 1)[:-1]
    length = ends - starts + 1
    require((length <= LONGEST).all(), f"escapes invalid: a value of over {LONGEST} bytes")
    shortest = (octets[ends] > 0) | (length == 1)
    require(shortest.all(), "escapes invalid: a value is not in its shortest form")
    digits = (octets & 0x7F).astype(np.int64)
    # Each byte's position within its value, and so its weight.
    position = np.arange(len(octets)) - np.repeat(starts, length)
    zigzag = np.add.reduceat(digits << 7 * position, starts) if count else digits
    require((zigzag < 2**32).all(), "escapes invalid: a value of over 32 bits")
    return ((zigzag >> 1) ^ -(zigzag & 1)).astype(np.int32)
