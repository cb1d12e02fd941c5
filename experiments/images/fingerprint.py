"""What a photograph looks like, in 255 bits that outlast rescaling, JPEG, mirroring and turning.

The bits are signs of the low frequencies of the luma, after the perceptual hashes that keep signs
of DCT coefficients (Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions",
2010, section 3.2.1). Here they are compared with 0, not with their median: a mirrored or turned
image's bits then follow from the image's own.
"""

import re
from itertools import pairwise

import numpy as np

BITS = 255
# Measured on 631 photographs (LIVE1, Kodak, Classic5, Set5, Set14, BSDS500, 49 and 5 others), the
# distance of one photograph's versions: at most 7 where LIVE1 and Kodak share it, also rescaled, 13
# and 18 after slight crops, up to 54 after JPEG at quality 1, up to 72 for 99 % of them after a
# crop of 3 % on each side. Two views of one scene lie at 69. The nearest of the 198,000 pairs of
# different photographs lie at 85, and each step down halves their number at least every 1.5.
LIMIT = 72
FORM = re.compile(r"[0-9a-f]{64}|[0-9]+x[0-9]+")

_SIDE = 64  # of the thumbnail
_FREQUENCIES = 16  # each way; they must be there, so no side of an image may be shorter
_LUMA = np.array([299, 587, 114])  # BT.601, in thousandths
_SCALE = 1024  # of the cosines
_FAINT = 0.05  # grey levels: amplitudes below are rounding
_TELLING = 2 / 3  # the share of coefficients that must not be faint
_ROWS = 16  # fingerprints that are compared with all others at a time, to stay in the cache


def fingerprint(pixels):
    """Compute an image's fingerprint, the same on every machine.

    Parameters
    ----------
    pixels : ndarray
        (H, W, 3) uint8.

    Returns
    -------
    str
        64 hexadecimal digits. Or ``"WIDTHxHEIGHT"`` where an image has too little to tell it by:
        a side below 16 pixels, or more than a third of its low frequencies missing (one colour, a
        plain ramp). Such an image looks like no other.

    Notes
    -----
    The luma is averaged to 64x64; bit (k, l) of 16x16 is whether its DCT-II coefficient of
    vertical frequency k and horizontal frequency l is above 0. The mean, (0, 0), is not used and
    its bit is 0. All sums are of whole numbers, so that no rounding and no order of summation
    can turn a bit.
    """
    height, width = pixels.shape[:2]
    if min(height, width) >= _FREQUENCIES:
        cosines = _cosines()
        spectrum = cosines @ _thumbnail(pixels) @ cosines.T
        spectrum[0, 0] = 0
        # A cosine of amplitude 1 has a coefficient of a quarter of the thumbnail's pixels.
        amplitudes = np.abs(spectrum) / (1000 * _SCALE**2 * _SIDE**2 / 4)
        if np.mean(amplitudes > _FAINT) >= _TELLING:
            return np.packbits(spectrum > 0).tobytes().hex()
    return f"{width}x{height}"


def near_pairs(one, other, limit=LIMIT):
    """Find the pairs of fingerprints that look the same, as they are, mirrored or turned.

    Parameters
    ----------
    one, other : sequence of str
        From `fingerprint`.
    limit : int
        The largest distance to report, in bits of 255.

    Yields
    ------
    tuple of int
        (index in `one`, index in `other`, distance), in this order. The distance is the smallest
        over the eight mirrored and turned forms.
    """
    rows, columns = _told(one), _told(other)
    forms = _forms(_unpack(other, columns))
    words = _pack(_unpack(one, rows))
    for start in range(0, len(rows), _ROWS):
        nearest = _nearest(words[:, start : start + _ROWS], forms)
        for row, column in np.argwhere(nearest <= limit).tolist():
            yield rows[start + row], columns[column], int(nearest[row, column])


def _cosines():
    """Build the lowest rows of the DCT-II as whole numbers, (16, 64)."""
    frequencies, places = np.arange(_FREQUENCIES)[:, None], np.arange(_SIDE)
    cosines = np.cos((2 * places + 1) * frequencies * np.pi / (2 * _SIDE))
    return np.rint(_SCALE * cosines).astype(np.int64)


def _thumbnail(pixels):
    """Average the luma over 64x64 equal boxes, in whole thousandths of a grey level."""
    rows, height = _box_sums(pixels)
    columns, width = _box_sums((rows @ _LUMA).T)
    return columns.T // (height * width)


def _box_sums(values):
    """Sum (size, ...) whole numbers over 64 equal boxes, in 64ths of a pixel.

    Gives the sums, (64, ...) int64, and what a sum of ones would be.
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


def _told(fingerprints):
    """List the indices of those that are more than a size."""
    return [index for index, text in enumerate(fingerprints) if "x" not in text]


def _unpack(fingerprints, indices):
    """Turn hexadecimal digits into bits, (n, 16, 16) bool."""
    packed = bytearray.fromhex("".join(fingerprints[index] for index in indices))
    bits = np.unpackbits(np.array(packed, np.uint8)).astype(bool)
    return bits.reshape(len(indices), _FREQUENCIES, _FREQUENCIES)


def _pack(bits):
    """Pack (n, 16, 16) bits into four words each, (4, n) uint64."""
    return np.packbits(bits.reshape(len(bits), _FREQUENCIES**2), axis=1).view(np.uint64).T.copy()


def _forms(bits):
    """Give the fingerprints of images' mirrored and turned forms, eight arrays of words.

    Mirroring turns the sign of odd frequencies in its direction; the diagonal swaps directions.
    """
    odd = np.arange(_FREQUENCIES) % 2 == 1
    flips = np.array([False, True])[:, None] & odd
    return [
        _pack(way ^ vertical[:, None] ^ horizontal)
        for way in (bits, bits.swapaxes(1, 2))
        for vertical in flips
        for horizontal in flips
    ]


def _nearest(words, forms):
    """Count differing bits of (4, n) and (4, m) words, the least over the forms: (n, m) uint8."""
    nearest = None
    for form in forms:
        counts = (np.bitwise_count(a[:, None] ^ b) for a, b in zip(words, form, strict=True))
        distance = sum(counts, np.uint8(0))
        nearest = distance if nearest is None else np.minimum(nearest, distance, out=nearest)
    return nearest
