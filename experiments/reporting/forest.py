"""Forest plots: an axis's values as dots with intervals about the baseline's zero."""

from experiments.reporting.sentences import effect_sentence, verdict
from experiments.reporting.svg import bottom_axis, drawing, fitted, label, line, mark, tag
from experiments.reporting.words import clipped, signed

_ROW = 26


def forest(identifier, axis, *, width):
    """Draw an axis's effects by its main measure; None if there are none."""
    measure = axis.main
    rows = [value for value in axis.others if (value, measure.name) in axis.effects]
    if not rows:
        return None
    found = [axis.effects[value, measure.name] for value in rows]
    rows, found = zip(
        *sorted(zip(rows, found, strict=True), key=lambda pair: -pair[1].difference), strict=True
    )
    left = 8 + min(7.8 * max(len(value) for value in axis.runs), 0.42 * width)
    fits = int(left / 7)
    bounds = [edge for one in found for edge in (one.difference, one.low, one.high)]
    x = fitted(bounds, left + 12, width - 14, include=(0.0,))
    bottom = 12 + _ROW * (len(rows) + 1)
    parts = [
        bottom_axis(x, bottom, 6, title=f"{measure.label} ({measure.unit})", count=4, form=_tick),
        line(x(0), 6, x(0), bottom, class_="zero"),
        label(
            left,
            12 + 0.5 * _ROW + 4,
            clipped(axis.baseline, fits),
            class_="row base",
            text_anchor="end",
        ),
        tag("g", tag("circle", cx=x(0.0), cy=12 + 0.5 * _ROW, r="4"), class_="base"),
    ]
    for index, (value, one) in enumerate(zip(rows, found, strict=True), 1):
        parts += _row(axis, value, one, x, left, 12 + _ROW * (index + 0.5), clipped(value, fits))
    return drawing(
        identifier,
        f"{axis.name}: {measure.label} against {axis.baseline}",
        "; ".join(
            f"{value}: {verdict(one, measure)}" for value, one in zip(rows, found, strict=True)
        ),
        width,
        bottom + 42,
        *parts,
        class_="plot forest",
    )


def _tick(value):
    return signed(value, 3).rstrip("0").rstrip(".") or "0"


def _row(axis, value, effect, x, left, y, name):
    kind = "sure" if effect.is_difference else "open"
    parts = [label(left, y + 4, name, class_="row", text_anchor="end")]
    if effect.low is not None:
        parts.append(line(x(effect.low), y, x(effect.high), y, class_=f"interval {kind}"))
    tip = effect_sentence(axis, value, axis.main)
    return [*parts, mark(x(effect.difference), y, tip, size=5, class_=f"mark {kind}")]
