"""constriction's range coder in plain integers, from the description of its 64-bit state.

Frequencies are Python integers that sum to 2**24, one list a symbol; words are of 32 bits.
"""

from itertools import accumulate

WORD = 2**32
STATE = 2**64
BITS = 24


class Encoder:
    def __init__(self):
        self.low, self.range = 0, STATE - 1
        self.words, self.first, self.held = [], 0, 0
        self.settled = []  # (words held, whether a carry came) each time

    def settle(self, carry):
        if self.held:
            others = 0 if carry else WORD - 1
            self.words += [(self.first + carry) % WORD, *[others] * (self.held - 1)]
            self.settled.append((self.held, bool(carry)))
            self.held = 0

    def encode(self, symbol, frequencies):
        scale = self.range >> BITS
        self.range = scale * frequencies[symbol]
        new = (self.low + scale * sum(frequencies[:symbol])) % STATE
        if (new + self.range) % STATE > new:
            self.settle(new < self.low)
        self.low = new
        if self.range < WORD:
            self.shift()

    def shift(self):
        word = self.low // WORD
        self.low, self.range = self.low * WORD % STATE, self.range * WORD
        if self.held:
            self.held += 1
        elif (self.low + self.range) % STATE <= self.low:
            self.first, self.held = word, 1
        else:
            self.words.append(word)

    def finish(self):
        if self.range == STATE - 1:
            return []
        point = (self.low + WORD - 1) % STATE
        self.settle(point < self.low)
        self.words.append(point // WORD)
        if (self.low + self.range) % STATE // WORD == self.words[-1]:
            self.words.append(0)
        return self.words


class Decoder:
    def __init__(self, words):
        self.low, self.range, self.point = 0, STATE - 1, 0
        self.rest = iter(words)
        for _ in range(2):
            self.take()

    def take(self):
        self.point = (self.point * WORD + next(self.rest, 0)) % STATE

    def decode(self, frequencies):
        scale = self.range >> BITS
        quantile = (self.point - self.low) % STATE // scale
        if quantile >= 2**BITS:
            raise ValueError("invalid data")
        ends = list(accumulate(frequencies))
        symbol = next(k for k, end in enumerate(ends) if quantile < end)
        self.range = scale * frequencies[symbol]
        self.low = (self.low + scale * (ends[symbol] - frequencies[symbol])) % STATE
        if self.range < WORD:
            self.low, self.range = self.low * WORD % STATE, self.range * WORD
            self.take()
        return symbol


def rows_of(tables):
    """Each channel's frequencies in 24 bits."""
    return [
        [int(f) * 256 for f in freq[:size]]
        for freq, size in zip(tables.freq, tables.size, strict=True)
    ]


def encoded(symbols, tables):
    """The bytes of (C, n) symbols, and the encoder, which knows what it held back."""
    encoder = Encoder()
    for row, frequencies in zip(symbols, rows_of(tables), strict=True):
        for symbol in row:
            encoder.encode(int(symbol), frequencies)
    return b"".join(word.to_bytes(4, "little") for word in encoder.finish()), encoder


def decoded(payload, tables, count):
    words = [int.from_bytes(payload[k : k + 4], "little") for k in range(0, len(payload), 4)]
    decoder = Decoder(words)
    return [[decoder.decode(f) for _ in range(count)] for f in rows_of(tables)]
