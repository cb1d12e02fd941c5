"""Integer frequency tables: how often each latent occurs, in 65,536ths, per channel.

The coder sees only these integers, so that no machine's rounding can reach a file. Building them
need not be repeatable: they are saved with the parameters.
"""

from dataclasses import dataclass

import numpy as np

from experiments.fnn.errors import require

TOTAL = 2**16  # a channel's frequencies sum to this
ESCAPE_MASS = 1e-4  # probability of the escape, at least
_DTYPES = {"freq": np.uint16, "size": np.int32, "start": np.int32}


@dataclass(frozen=True, eq=False)
class Tables:
    """Frequencies of the latents of C channels, at most A entries each; checked on creation.

    Entry k of a channel is the latent ``start + k``, except for the last of its `size` entries: the
    escape, which stands for every other latent. `FnnError` names the first channel that breaks a
    rule, and the rule.
    """

    # (C, A) uint16: at least 1 in the first `size` entries of a row, which sum to 65,536; then 0.
    freq: np.ndarray
    size: np.ndarray  # (C,) int32: entries of each channel with the escape, 2 to A
    start: np.ndarray  # (C,) int32: lowest latent of each channel

    def __post_init__(self):
        self._check_arrays()
        entries = self.freq.shape[1]
        self._check_channels(
            (self.size < 2) | (self.size > entries),
            lambda c: f"size {self.size[c]} must be from 2 to {entries}",
        )
        # In 64 bits: what is checked here is that 32 are enough.
        last = self.start.astype(np.int64) + self.size - 2
        self._check_channels(last >= 2**31, lambda c: f"its last latent {last[c]} is over 32 bits")
        used = np.arange(entries) < self.size[:, None]
        self._check_channels(
            ((self.freq == 0) & used).any(1), lambda c: "every frequency must be at least 1"
        )
        self._check_channels(
            ((self.freq != 0) & ~used).any(1),
            lambda c: f"frequencies behind its {self.size[c]} entries must be 0",
        )
        sums = self.freq.sum(1, dtype=np.int64)
        self._check_channels(
            sums != TOTAL, lambda c: f"frequencies sum to {sums[c]}; they must sum to {TOTAL}"
        )

    def _check_arrays(self):
        for name, dtype in _DTYPES.items():
            given = dtype_of(vars(self)[name])
            require(given == dtype, f"tables.{name} is {given}; it must be {np.dtype(dtype)}")
        shapes = self.freq.shape, self.size.shape, self.start.shape
        fits = len(shapes[0]) == 2 and min(shapes[0]) >= 1
        require(
            fits and shapes[1:] == ((shapes[0][0],),) * 2,
            "tables have shapes {}, {}, {}; they must be (C, A), (C,), (C,)".format(*shapes),
        )

    def _check_channels(self, broken, rule):
        if broken.any():
            channel = int(broken.argmax())
            require(False, f"tables, channel {channel}: {rule(channel)}")

    @property
    def channels(self):
        """Number of channels."""
        return len(self.size)


def make_tables(channels, entries):
    """Build tables of a fixed shape from probabilities.

    Parameters
    ----------
    channels : sequence of (int, array of float64)
        For each channel its lowest latent and the probabilities of the latents from there on,
        which sum to at most 1; the escape gets the remainder. If there are more than
        ``entries - 1`` latents, the consecutive run with the most mass is tabulated.
    entries : int
        Maximum number of entries per channel, A, including the escape.

    Raises
    ------
    FnnError
        If probabilities are empty, not finite, negative, or sum to 0 or over 1.
    """
    require(2 <= entries <= TOTAL, f"entries={entries} must be from 2 to {TOTAL}")
    freq = np.zeros((len(channels), entries), np.uint16)
    size, start = np.zeros((2, len(channels)), np.int32)
    for channel, (lowest, probabilities) in enumerate(channels):
        inner = np.asarray(probabilities, np.float64)
        _check_probabilities(inner, channel)
        first = _heaviest_run(inner, entries - 1)
        inner = inner[first : first + entries - 1]
        row = frequencies(np.append(inner, max(0.0, 1.0 - inner.sum())))
        freq[channel, : len(row)] = row
        size[channel], start[channel] = len(row), lowest + first
    return Tables(freq, size, start)


def frequencies(probabilities):
    """Round one channel's frequencies to integers: ``f = max(1, floor(p * (65536 - n)))``.

    Probabilities, (n,) float64, are of the latents and, last, of the escape; they are scaled to sum
    to 1, with at least 1e-4 for the escape. The largest entry, the first of equal ones, takes what
    is missing from 65,536.
    """
    p = probabilities / probabilities.sum()
    if p[-1] < ESCAPE_MASS:
        p[:-1] *= (1 - ESCAPE_MASS) / (1 - p[-1])
        p[-1] = ESCAPE_MASS
    f = np.maximum(1, np.floor(p * (TOTAL - len(p)))).astype(np.int64)
    f[f.argmax()] += TOTAL - f.sum()
    return f.astype(np.uint16)


def dtype_of(value):
    """Return an array's dtype, or the name of the type of anything else."""
    return getattr(value, "dtype", type(value).__name__)


def _check_probabilities(inner, channel):
    where = f"probabilities of channel {channel}"
    require(inner.ndim == 1 and inner.size, f"{where}: shape {inner.shape} must be (n,), n >= 1")
    require(np.isfinite(inner).all(), f"{where}: must be finite")
    require(inner.min() >= 0, f"{where}: {inner.min()} must be at least 0")
    require(0 < inner.sum() < 1 + 1e-6, f"{where}: sum {inner.sum()} must be over 0 and at most 1")


def _heaviest_run(masses, length):
    """Return the start of the `length` consecutive masses with the greatest sum."""
    if len(masses) <= length:
        return 0
    sums = np.append(0.0, np.cumsum(masses))
    return int((sums[length:] - sums[:-length]).argmax())
