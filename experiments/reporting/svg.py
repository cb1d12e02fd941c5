"""Scalable drawings as text: elements, scales and axes."""

import math
from dataclasses import dataclass
from html import escape

from experiments.codecs.figure import spread


def tag(name, *children, **attributes):
    """Write one element.

    Parameters
    ----------
    name : str
    *children : str
        Markup; plain text goes through `text` first.
    **attributes
        None leaves one out, and a number is written with at most 2 decimals. ``class_`` stands for
        class, other underscores for hyphens.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_attribute(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return f"<{name}{written}>{''.join(children)}</{name}>"


def text(value):
    """Escape plain text for markup."""
    return escape(str(value))


def _attribute(value):
    return number(value) if isinstance(value, float) else escape(str(value))


def number(value):
    """Write a coordinate in as few characters as a screen needs."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def drawing(identifier, title, description, width, height, *children, class_="plot"):
    """Write a drawing that says what it shows to those who do not see it, too."""
    names = f"{identifier}-title", f"{identifier}-desc"
    return tag(
        "svg",
        tag("title", text(title), id=names[0]),
        tag("desc", text(description), id=names[1]),
        *children,
        id=identifier,
        class_=class_,
        viewBox=f"0 0 {number(width)} {number(height)}",
        role="group",
        aria_labelledby=" ".join(names),
    )


def label(x, y, words, **attributes):
    """Write words at a place."""
    return tag("text", text(words), x=float(x), y=float(y), **attributes)


def line(x1, y1, x2, y2, **attributes):
    """Draw a straight line."""
    return tag("line", x1=float(x1), y1=float(y1), x2=float(x2), y2=float(y2), **attributes)


def path(points, *, closed=False, **attributes):
    """Draw straight lines from point to point; outlines only, unless `closed`."""
    steps = "L".join(f"{number(x)} {number(y)}" for x, y in points)
    return tag("path", d=f"M{steps}{'Z' if closed else ''}", **attributes)


def mark(x, y, tip, *, shape="circle", size=4.5, **attributes):
    """Draw a point that tells `tip`, its lines parted by newlines, to pointer and keyboard."""
    target = tag("circle", cx=float(x), cy=float(y), r="11", class_="hit")
    return tag(
        "g",
        tag("title", text(tip)),
        target,
        _shape(shape, x, y, size),
        role="img",
        tabindex="-1",
        **attributes,
    )


def _shape(shape, x, y, size):
    if shape == "circle":
        return tag("circle", cx=float(x), cy=float(y), r=float(size), class_="dot")
    corners = {
        "square": ((-1, -1), (1, -1), (1, 1), (-1, 1)),
        "diamond": ((0, -1.35), (1.35, 0), (0, 1.35), (-1.35, 0)),
        "triangle": ((0, -1.3), (1.25, 0.95), (-1.25, 0.95)),
        "down": ((0, 1.3), (1.25, -0.95), (-1.25, -0.95)),
    }[shape]
    at = [(x + 0.9 * size * dx, y + 0.9 * size * dy) for dx, dy in corners]
    return path(at, closed=True, class_="dot")


SHAPES = ("circle", "square", "diamond", "triangle", "down")


@dataclass(frozen=True)
class Scale:
    """From values to places: `low` to `start`, `high` to `stop`, by their logarithms if `log`."""

    low: float
    high: float
    start: float
    stop: float
    log: bool = False

    def __call__(self, value):
        """Give the place of a value."""
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
    moved = spread(places, gap)
    moved = [max(place, low + index * gap) for index, place in enumerate(moved)]
    return [min(place, high - (last - index) * gap) for index, place in enumerate(moved)]


def short(value):
    """Write a tick's value: 1.5, 20 k, 3 M."""
    for factor, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if abs(value) >= factor * (10 if unit == " k" else 1):
            return f"{value / factor:.4g}{unit}"
    return f"{value:.4g}".replace("-", "−")


def bottom_axis(scale, y, top, *, title, count=5, form=short):
    """Draw a horizontal axis at `y`, its grid up to `top`, its title at the right below."""
    parts = []
    for tick in scale.ticks(count):
        x = scale(tick)
        parts.append(line(x, top, x, y, class_="grid"))
        parts.append(label(x, y + 16, form(tick), class_="tick", text_anchor="middle"))
    parts.append(line(scale.start, y, scale.stop, y, class_="axis"))
    parts.append(label(scale.stop, y + 34, title, class_="name", text_anchor="end"))
    return tag("g", *parts, aria_hidden="true")


def left_axis(scale, x, right, *, title, count=5, form=short):
    """Draw a vertical axis at `x`, its grid up to `right`, its title at the top."""
    parts = []
    for tick in scale.ticks(count):
        y = scale(tick)
        parts.append(line(x, y, right, y, class_="grid"))
        parts.append(label(x - 7, y + 4, form(tick), class_="tick", text_anchor="end"))
    parts.append(label(max(x - 36, 2), 15, title, class_="name"))
    return tag("g", *parts, aria_hidden="true")
