"""Forest plots: differences as dots with intervals, about zero."""

from experiments.reporting.scales import fitted
from experiments.reporting.sentences import contribution_sentence, effect_sentence, verdict
from experiments.reporting.svg import bottom_axis, drawing, label, line, mark, tag
from experiments.reporting.words import clipped, signed

_ROW = 26


def forest(identifier, axis, *, width):
    """Draw an axis's effects by its main measure; None if there are none."""
    measure = axis.main
    found = [
        (value, axis.effects[value, measure.name], effect_sentence(axis, value, measure))
        for value in axis.others
        if (value, measure.name) in axis.effects
    ]
    found.sort(key=lambda row: -row[1].difference)
    title = f"{axis.name}: {measure.label} against {axis.baseline}"
    return _dots(identifier, title, measure, found, width, baseline=axis.baseline)


def spreads(identifier, contributions, *, width):
    """Draw how far the best and the worst value of each axis lie apart; None without an axis."""
    if not contributions:
        return None
    measure = contributions[0].axis.main
    rows = [(one.axis.name, one.effect, contribution_sentence(one)) for one in contributions]
    title = f"best value against worst: {measure.label}"
    return _dots(identifier, title, measure, rows, width)


def _dots(identifier, title, measure, rows, width, baseline=None):
    if not rows:
        return None
    names = [name for name, _, _ in rows] + ([baseline] if baseline else [])
    left = 8 + min(7.8 * max(map(len, names)), 0.42 * width)
    fits = int(left / 7)
    edges = [edge for _, one, _ in rows for edge in (one.difference, one.low, one.high)]
    x = fitted(edges, left + 12, width - 14, include=(0.0,))
    bottom = 12 + _ROW * len(names)
    parts = [
        bottom_axis(x, bottom, 6, title=f"{measure.label} ({measure.unit})", count=4, form=_tick),
        line(x(0), 6, x(0), bottom, class_="zero"),
    ]
    if baseline:
        parts += _base(clipped(baseline, fits), x, left)
    for index, (name, effect, tip) in enumerate(rows, len(names) - len(rows)):
        y = 12 + _ROW * (index + 0.5)
        parts.append(label(left, y + 4, clipped(name, fits), class_="row", text_anchor="end"))
        parts += _dot(effect, tip, x, y)
    said = "; ".join(f"{name}: {verdict(effect, measure)}" for name, effect, _ in rows)
    return drawing(identifier, title, said, width, bottom + 42, *parts, class_="plot forest")


def _tick(value):
    return signed(value, 3).rstrip("0").rstrip(".") or "0"


def _base(name, x, left):
    y = 12 + _ROW * 0.5
    dot = tag("circle", cx=x(0.0), cy=y, r="4")
    return [
        label(left, y + 4, name, class_="row base", text_anchor="end"),
        tag("g", dot, class_="base"),
    ]


def _dot(effect, tip, x, y):
    kind = "sure" if effect.is_difference else "open"
    parts = []
    if effect.low is not None:
        parts.append(line(x(effect.low), y, x(effect.high), y, class_=f"interval {kind}"))
    return [*parts, mark(x(effect.difference), y, tip, size=5, class_=f"mark {kind}")]
