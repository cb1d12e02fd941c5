"""Numbers and lists as people write them."""

import math


def signed(value, digits=2):
    """Write a difference with its sign; a proper minus, and no minus before a zero."""
    if value is None or not math.isfinite(value):
        return "–"
    rounded = f"{abs(value):,.{digits}f}"
    if not float(rounded.replace(",", "")):
        return rounded
    return ("−" if value < 0 else "+") + rounded


def plain(value, digits=2):
    """Write a value; a dash where there is none, and a power of ten from a thousand millions on."""
    if value is None or not math.isfinite(value):
        return "–"
    if abs(value) >= 1e9:
        return f"{value:.1e}".replace("e+", "e").replace("-", "−")
    return f"{value:,.{digits}f}".replace("-", "−")


def with_unit(value, unit):
    """Put a unit behind a number, if there is one."""
    return f"{value} {unit}" if unit else value


def percent(value):
    """Write a share of bytes: "12.3 % fewer bytes"."""
    return f"{abs(value):.1f} % {'fewer' if value < 0 else 'more'} bytes"


def listed(names):
    """Join names: "a", "a and b", "a, b and c"."""
    names = list(map(str, names))
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


def clipped(words, count):
    """Shorten a label to at most `count` characters."""
    return words if len(words) <= count else words[: max(count - 1, 1)].rstrip() + "…"


def seconds(value):
    """Write a time: "12 s", "3.4 min", "2.1 h"."""
    if value is None:
        return "–"
    if value < 120:
        return f"{value:.3g} s"
    return f"{value / 60:.1f} min" if value < 7200 else f"{value / 3600:.1f} h"


def numbered(noun, values):
    """Write "seed 1" or "seeds 1 and 2"."""
    return f"{noun}{'s' if len(values) > 1 else ''} {listed(values)}"
