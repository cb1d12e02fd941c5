"""Perceptual hashes: 255 bits of a photograph that survive rescaling, JPEG, mirroring, turning.

The bits are signs of the luma's low-frequency DCT coefficients (Zauner, "Implementation and
Benchmarking of Perceptual Image Hash Functions", 2010, section 3.2.1). Here coefficients are
compared with 0, not with their median: the bits of a mirrored or turned image then follow from
those of the image itself.
"""

import re
from itertools import pairwise

import numpy as np

BITS = 255
# Distances measured on 631 photographs (LIVE1, Kodak, Classic5, Set5, Set14, BSDS500, 54 others):
#   at most 7     one photograph in LIVE1 and in Kodak, also rescaled
#   13 and 18     slight crops
#   at most 54    JPEG at quality 1
#   at most 72    a crop of 3 % on each side, for 99 % of them
#   69            two views of one scene
#   at least 85   the 198,000 pairs of different photographs; their number at least halves with
#                 every 1.5 less
LIMIT = 72
FORM = re.compile(r"[0-9a-f]{64}|[0-9]+x[0-9]+")

_SIDE = 64  # of the thumbnail
_FREQUENCIES = 16  # in each direction; an image must have as many pixels
_LUMA = np.array([299, 587, 114])  # BT.601, in thousandths
_SCALE = 1024  # of the cosines
_FAINT = 0.05  # grey levels: amplitudes below are rounding
_DISTINCT = 2 / 3  # the share of coefficients that must not be faint
_ROWS = 16  # fingerprints compared with all others at a time, to stay in the CPU's cache


def fingerprint(pixels):
    """Compute the fingerprint of (H, W, 3) uint8 pixels, the same on every machine.

    Returns 64 hexadecimal digits, or ``"WIDTHxHEIGHT"`` for an image with too little content: a
    side below 16 pixels, or more than a third of its low frequencies missing (one colour, a plain
    ramp). Such an image looks like no other.

    Notes
    -----
    The luma is averaged to 64x64; bit (k, l) of 16x16 is whether its DCT-II coefficient of
    vertical frequency k and horizontal frequency l is above 0. The mean, (0, 0), is not used and
    its bit is 0. All sums are of integers, so that no rounding and no order of summation can
    flip a bit.
    """
    height, width = pixels.shape[:2]
    if min(height, width) >= _FREQUENCIES:
        cosines = _cosines()
        spectrum = cosines @ _thumbnail(pixels) @ cosines.T
        spectrum[0, 0] = 0
        # A cosine of amplitude 1 has a coefficient of a quarter of the thumbnail's pixels.
        amplitudes = np.abs(spectrum) / (1000 * _SCALE**2 * _SIDE**2 / 4)
        if np.mean(amplitudes > _FAINT) >= _DISTINCT:
            return np.packbits(spectrum > 0).tobytes().hex()
    return f"{width}x{height}"


def near_pairs(prints_a, prints_b, limit=LIMIT):
    """Yield pairs of fingerprints within `limit` bits of 255, as they are, mirrored or turned.

    Each pair is (index in `prints_a`, index in `prints_b`, distance), in this order; the distance
    is the smallest over the eight mirrored and turned forms.
    """
    rows, columns = _hashed(prints_a), _hashed(prints_b)
    forms = _forms(_unpack(prints_b, columns))
    words = _pack(_unpack(prints_a, rows))
    for start in range(0, len(rows), _ROWS):
        nearest = _nearest(words[:, start : start + _ROWS], forms)
        for row, column in np.argwhere(nearest <= limit).tolist():
            yield rows[start + row], columns[column], int(nearest[row, column])


def _cosines():
    """Build the lowest rows of the DCT-II as integers, (16, 64)."""
    frequencies, positions = np.arange(_FREQUENCIES)[:, None], np.arange(_SIDE)
    cosines = np.cos((2 * positions + 1) * frequencies * np.pi / (2 * _SIDE))
    return np.rint(_SCALE * cosines).astype(np.int64)


def _thumbnail(pixels):
    """Average the luma over 64x64 equal boxes, in thousandths of a grey level, int64."""
    rows, height = _box_sums(pixels)
    columns, width = _box_sums((rows @ _LUMA).T)
    return columns.T // (height * width)


def _box_sums(values):
    """Sum (size, ...) integers over 64 equal boxes, each pixel weighted by 64.

    Returns the sums, (64, ...) int64, and the sum of a box of ones.
    """
    # Slices, not a matrix product: a library's threads take 60 ms for one of this size, instead of
    # 2, where other programs want the cores.
    values = values if len(values) >= _SIDE else values.repeat(_SIDE // _FREQUENCIES, axis=0)
    # A box begins `after` 64ths behind the start of pixel `first`.
    first, after = divmod(len(values) * np.arange(_SIDE + 1), _SIDE)
    whole = [values[i:j].sum(axis=0, dtype=np.int64) for i, j in pairwise(first.tolist())]
    cut = [part * pixel for part, pixel in zip(after[:-1], values[first[:-1]], strict=True)]
    cut.append(0 * cut[0])
    sums = [
        _SIDE * box - start + end for box, (start, end) in zip(whole, pairwise(cut), strict=True)
    ]
    return np.stack(sums), len(values)


def _hashed(fingerprints):
    """List the indices of the fingerprints that are hashes, not just sizes."""
    return [index for index, text in enumerate(fingerprints) if "x" not in text]


def _unpack(fingerprints, indices):
    """Convert hexadecimal digits into bits, (n, 16, 16) bool."""
    packed = bytearray.fromhex("".join(fingerprints[index] for index in indices))
    bits = np.unpackbits(np.array(packed, np.uint8)).astype(bool)
    return bits.reshape(len(indices), _FREQUENCIES, _FREQUENCIES)


def _pack(bits):
    """Pack (n, 16, 16) bits into four words each, (4, n) uint64."""
    return np.packbits(bits.reshape(len(bits), _FREQUENCIES**2), axis=1).view(np.uint64).T.copy()


def _forms(bits):
    """Compute the fingerprints of all mirrored and turned forms, eight arrays of words.

    Mirroring flips the sign of odd frequencies in its direction; transposing swaps directions.
    """
    odd = np.arange(_FREQUENCIES) % 2 == 1
    flips = np.array([False, True])[:, None] & odd
    return [
        _pack(form ^ vertical[:, None] ^ horizontal)
        for form in (bits, bits.swapaxes(1, 2))
        for vertical in flips
        for horizontal in flips
    ]


def _nearest(words, forms):
    """Count differing bits of (4, n) and (4, m) words, the minimum over forms: (n, m) uint8."""
    nearest = None
    for form in forms:
        counts = (np.bitwise_count(a[:, None] ^ b) for a, b in zip(words, form, strict=True))
        distance = sum(counts, np.uint8(0))
        nearest = distance if nearest is None else np.minimum(nearest, distance, out=nearest)
    return nearest
