"""The plot of times relative to fnnet's."""

from matplotlib import pyplot as plt
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from experiments.benchmarks.jobs import VARIANTS
from experiments.benchmarks.report import MODES, reference
from experiments.benchmarks.rounds import ratio
from experiments.evaluation.figures import png

# Okabe and Ito's colours, distinct for the colour-blind too.
_COLORS = dict(
    zip(
        (name for name, variant in VARIANTS.items() if variant.framework != "fnnet"),
        ("#D55E00", "#E69F00", "#0072B2", "#CC79A7", "#000000"),
        strict=True,
    )
)


def ratios(timings):
    """Draw the medians and quartiles of peers' times relative to fnnet's of the same precision."""
    figure, axes = plt.subplots(
        1, 2, figsize=(11, 5), sharex=True, sharey=True, layout="constrained"
    )
    for axis, (mode, title) in zip(axes, MODES.items(), strict=True):
        compared = {label[1]: group for label, group in timings.items() if label[0] == mode}
        _panel(axis, compared)
        axis.set_title(title, loc="left")
    names = list(compared)
    axes[0].set(yticks=range(len(names)), yticklabels=names, ylim=(len(names) - 0.5, -0.5))
    handles, labels = axes[0].get_legend_handles_labels()
    if handles:
        by_name = dict(zip(labels, handles, strict=True))
        figure.legend(by_name.values(), by_name, loc="outside lower center", ncols=len(by_name))
    return png(figure, dpi=110)


def _panel(axis, compared):
    for row, group in enumerate(compared.values()):
        shown = [timing for timing in group if timing.job.variant in _COLORS]
        for index, timing in enumerate(shown):
            ours = reference(timing, group)
            if ours:
                height = row + 0.7 * ((index + 0.5) / len(shown) - 0.5)
                _dot(axis, timing.job.variant, ratio(timing, ours), height)
    axis.axvline(1, color="#666666", linewidth=1)
    axis.set_xscale("log")
    axis.xaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5, 7)))
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.xaxis.set_minor_formatter(NullFormatter())
    axis.set_xlabel("time in units of fnnet's, same precision; right of 1: fnnet is faster")
    axis.grid(alpha=0.25, axis="x")
    for row in range(1, len(compared)):
        axis.axhline(row - 0.5, color="#cccccc", linewidth=0.7)
    axis.spines[["top", "right"]].set_visible(False)


def _dot(axis, name, spread, height):
    color = _COLORS[name]
    axis.plot([spread.low, spread.high], [height, height], color=color, linewidth=2, alpha=0.6)
    axis.plot(spread.median, height, "o", color=color, markersize=6, label=name)
