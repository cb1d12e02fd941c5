"""The chapter of what quality costs."""

from experiments.reporting.front_plot import front_plot
from experiments.reporting.html import slug
from experiments.reporting.markdown import chapter, escaped
from experiments.reporting.section_costs import cost_groups, cost_runs, front_said

_TITLES = {
    "multiply-adds a pixel": "Complexity against quality",
    "seconds of training": "Time against accuracy",
}


def costs_chapter(records, figures):
    """Show the fronts of quality over complexity and over time."""
    groups = [(key, group) for key, group in cost_groups(records).items() if _differ(group)]
    parts = [_group(task, test, group, figures) for (task, test), group in groups]
    return chapter("Complexity against quality, time against accuracy", *parts)


def _differ(records):
    """Whether runs are of more than one setting: seeds alone make no front."""
    return len({(run.trial.axis, run.trial.value) for run in records}) > 1


def _group(task, test, records, figures):
    blocks = []
    for cost, quality, runs in cost_runs(task, records):
        if cost in _TITLES:
            name = slug("front", task, test, cost)
            title = f"{_TITLES[cost]}: {quality} over {cost} on {test}"
            drawn = front_plot(name, title, cost, quality, runs, width=560, height=360)
            blocks += [
                figures.add(drawn, title),
                escaped(front_said(cost, runs)),
            ]
    return chapter(f"{task}, tested on {test}", *blocks, level=3)
