"""The rate-distortion plot, of any set of curves."""

import math

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from scipy.optimize import isotonic_regression

from experiments.evaluation.figures import png

# Okabe and Ito's colours, distinct for the colour-blind too; then the same, dashed.
_COLORS = ("#0072B2", "#56B4E9", "#009E73", "#E69F00", "#D55E00", "#CC79A7", "#000000")
_GAP = 0.045  # of the axis's height, between two names


def rate_distortion(curves, *, title, quality_label):
    """Draw quality over rate, each curve named beside its end, as PNG bytes.

    Curves are by name, as `curves.curves` returns them: bits per pixel (above 0) and quality in dB.
    Points that are not finite are left out. `quality_label` names the vertical axis.
    """
    figure, axis = plt.subplots(figsize=(9, 6), layout="constrained")
    ends = []
    for index, (name, points) in enumerate(curves.items()):
        finite = sorted(point for point in points if all(map(math.isfinite, point)))
        if finite:
            line = _draw(axis, finite, index)
            ends.append((finite[-1], name, line.get_color()))
    _label_axes(axis, title, quality_label)
    _name_curves(axis, ends)
    return png(figure, dpi=110)


def _draw(axis, points, index):
    style = ("-", "--", ":")[index // len(_COLORS) % 3]
    return axis.plot(
        *zip(*points, strict=True),
        style,
        color=_COLORS[index % len(_COLORS)],
        marker="o",
        markersize=3.5,
        linewidth=1.6,
    )[0]


def _label_axes(axis, title, quality_label):
    # Logarithmic, since codecs differ by factors of the rate: a BD-rate is a mean distance of two
    # curves along this axis.
    axis.set_xscale("log")
    axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.xaxis.set_minor_formatter(NullFormatter())
    axis.set_title(title, loc="left", parse_math=False)
    axis.set_xlabel("bits per pixel of the whole file")
    axis.set_ylabel(quality_label)
    axis.grid(alpha=0.25)
    axis.spines[["top", "right"]].set_visible(False)


def _name_curves(axis, ends):
    """Write names in a column at the right, level with the curves' ends as far as there is room."""
    ends = sorted(ends)
    ends.sort(key=lambda end: end[0][1])
    axis.autoscale_view()  # now, not at drawing: the positions depend on it
    to_axis = axis.transData + axis.transAxes.inverted()
    positions = to_axis.transform([end for end, _, _ in ends]) if ends else []
    heights = spaced([y for _, y in positions], _GAP)
    for (x, y), height, (_, name, color) in zip(positions, heights, ends, strict=True):
        axis.plot(
            [x, 1.0, 1.02],
            [y, height, height],
            transform=axis.transAxes,
            color=color,
            linewidth=0.7,
            alpha=0.45,
            clip_on=False,
        )
        axis.text(
            1.03,
            height,
            name,
            transform=axis.transAxes,
            color=color,
            verticalalignment="center",
            parse_math=False,
        )


def spaced(positions, gap):
    """Move ascending positions at least `gap` apart, by the least sum of squared moves."""
    if not len(positions):
        return []
    steps = gap * np.arange(len(positions))
    return isotonic_regression(np.asarray(positions) - steps).x + steps
