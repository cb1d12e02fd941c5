"""From values to places on a drawing, and the round values between."""

import math
from dataclasses import dataclass

from experiments.codecs.figure import spaced


@dataclass(frozen=True)
class Scale:
    """From values to places: `low` to `start`, `high` to `stop`, by their logarithms if `log`."""

    low: float
    high: float
    start: float
    stop: float
    log: bool = False

    def __call__(self, value):
        """Return the position of a value."""
        low, high = self._worth(self.low), self._worth(self.high)
        share = (self._worth(value) - low) / (high - low)
        return self.start + share * (self.stop - self.start)

    def _worth(self, value):
        return math.log(value) if self.log else value

    def ticks(self, count=5):
        """Choose round values between the ends, about `count` of them."""
        return _log_ticks(self.low, self.high, count) if self.log else self._linear_ticks(count)

    def _linear_ticks(self, count):
        rough = (self.high - self.low) / max(count, 1)
        power = 10 ** math.floor(math.log10(rough))
        step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [index * step for index in range(first, last + 1)]


def _log_ticks(low, high, count):
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    found = []
    for factors in ((1,), (1, 3), (1, 2, 5), (1, 2, 3, 5, 7), (1, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8)):
        ticks = [factor * 10.0**power for power in powers for factor in factors]
        ticks = [tick for tick in ticks if low * 0.999 <= tick <= high * 1.001]
        if found and len(ticks) > count + 2:
            break
        found = ticks
    every = max(1, math.ceil(len(found) / (count + 2)))
    return found[::every]


def drawable(value):
    """Whether a value has a place on a scale; beyond 1e30 differences overflow."""
    return isinstance(value, int | float) and abs(value) < 1e30


def fitted(values, start, stop, *, log=False, margin=0.06, include=()):
    """Make a scale that has room for all values, and for those to include."""
    known = [value for value in (*values, *include) if drawable(value)]
    if log:
        known = [value for value in known if value > 0] or [1.0]
        low, high = min(known), max(known)
        spread = max(math.log(high / low), 0.2) * margin
        return Scale(low * math.exp(-spread), high * math.exp(spread), start, stop, True)
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    spread = max((high - low) * margin, 1e-9 + abs(high) * 1e-3 if high == low else 0)
    return Scale(low - spread, high + spread, start, stop)


def stacked(places, gap, low, high):
    """Move ascending places apart to `gap`, or less if there are too many for `low` to `high`."""
    last = len(places) - 1
    gap = min(gap, (high - low) / max(last, 1))
    moved = spaced(places, gap)
    moved = [max(place, low + index * gap) for index, place in enumerate(moved)]
    return [min(place, high - (last - index) * gap) for index, place in enumerate(moved)]


def short(value):
    """Write a tick's value: 1.5, 20 k, 3 M."""
    for factor, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if abs(value) >= factor * (10 if unit == " k" else 1):
            return f"{value / factor:.4g}{unit}"
    return f"{value:.4g}".replace("-", "−")
