"""Training curves: of each value the mean over its seeds, and the range in which they are."""

import numpy as np

from experiments.reporting.effects import finished
from experiments.reporting.scales import drawable, fitted, stacked
from experiments.reporting.svg import bottom_axis, drawing, label, left_axis, path
from experiments.reporting.words import clipped

_BINS = 48


def over_steps(runs, column):
    """Average a column of the curves over seeds: (step, mean, least, most) at about 48 steps.

    Seeds have the steps that all of them have; values that are not finite are passed over.
    """
    columns = [
        {row.step: value for row in run.curve if drawable(value := column(row))}
        for run in finished(runs).values()
    ]
    steps = sorted(set.intersection(*map(set, columns))) if columns else []
    if not steps:
        return []
    chunks = np.array_split(np.array(steps), min(_BINS, len(steps)))
    found = []
    for chunk in chunks:
        means = [float(np.mean([values[step] for step in chunk])) for values in columns]
        found.append((int(chunk[-1]), float(np.mean(means)), min(means), max(means)))
    return found


def curve_plot(identifier, axis, column, title, *, log=False, width=340, height=240):
    """Draw one column of an axis's curves, ``CurveRow -> value``; None if no run has it."""
    series = {value: over_steps(runs, column) for value, runs in axis.runs.items()}
    series = {
        value: [row for row in rows if not log or row[2] > 0] for value, rows in series.items()
    }
    series = {value: rows for value, rows in series.items() if rows}
    if not series:
        return None
    right = width - 96
    x = fitted([row[0] for rows in series.values() for row in rows], 46, right, include=(0,))
    heights = [edge for rows in series.values() for row in rows for edge in row[2:]]
    y = fitted(heights, height - 42, 32, log=log)
    parts = [
        bottom_axis(x, height - 42, 24, title="steps", count=3),
        left_axis(y, 46, right, title=title, count=5),
    ]
    ends = []
    for value, rows in series.items():
        style = _style(axis, value)
        parts += _lines(rows, x, y, style)
        ends.append((y(rows[-1][1]), value, style))
    ends.sort()
    places = stacked([end[0] for end in ends], 13, 14, height - 44)
    parts += [
        label(right + 6, place + 4, clipped(value, 15), class_=f"direct {style}")
        for place, (_, value, style) in zip(places, ends, strict=True)
    ]
    said = "; ".join(f"{value} ends at {rows[-1][1]:.3g}" for value, rows in series.items())
    return drawing(identifier, f"{axis.name}: {title}", said, width, height, *parts)


def _lines(rows, x, y, style):
    upper = [(x(step), y(high)) for step, _, _, high in rows]
    lower = [(x(step), y(low)) for step, _, low, _ in reversed(rows)]
    return [
        path([*upper, *lower], closed=True, class_=f"band {style}"),
        path([(x(step), y(mean)) for step, mean, _, _ in rows], class_=f"curve {style}"),
    ]


def _style(axis, value):
    if value == axis.baseline:
        return "base"
    index = axis.others.index(value) if axis.baseline else list(axis.runs).index(value)
    return f"s{index % 7}{' again' if index >= 7 else ''}"
