"""Quality over cost: every run a dot, those that no other beats joined."""

from experiments.reporting.fronts import front
from experiments.reporting.scales import fitted
from experiments.reporting.svg import bottom_axis, drawing, label, left_axis, mark, path
from experiments.reporting.words import clipped


def front_plot(identifier, title, cost, quality, runs, *, width=340, height=270):
    """Draw one front; cost on a logarithmic axis.

    Parameters
    ----------
    identifier, title, cost, quality : str
        The last two name the axes.
    runs : list of (float, float, str, str)
        Cost above 0, quality, the run's name, what is told of it.
    """
    points = [(x, y) for x, y, _, _ in runs]
    x = fitted([one for one, _ in points], 46, width - 12, log=True)
    y = fitted([one for _, one in points], height - 42, 46, margin=0.06)
    best = front(points)
    steps = []
    for index in best:
        at = x(points[index][0]), y(points[index][1])
        if steps:
            steps.append((at[0], steps[-1][1]))
        steps.append(at)
    marks = [
        mark(x(a), y(b), tip, class_=f"mark {'sure' if index in best else 'beaten'}", size=4)
        for index, (a, b, _, tip) in enumerate(runs)
    ]
    names = runs[best[0]][2], runs[best[-1]][2]
    return drawing(
        identifier,
        title,
        f"{len(runs)} points; the front goes from {names[0]} to {names[1]}",
        width,
        height,
        bottom_axis(x, height - 42, 40, title=cost, count=4),
        left_axis(y, 46, width - 12, title=quality, count=5),
        path(steps, class_="front") if len(steps) > 1 else "",
        *marks,
        _name(x(points[best[-1]][0]), y(points[best[-1]][1]), names[1], width),
    )


def _name(x, y, name, width):
    """Write a run's name above its dot, towards the middle so that it stays inside."""
    is_left = x < width / 2
    at = max(x - 4, 46) if is_left else min(x + 4, width - 12)
    anchor = "start" if is_left else "end"
    return label(at, y - 9, clipped(name, 26), class_="direct top", text_anchor=anchor)
