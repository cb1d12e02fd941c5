"""The chapter of what quality costs."""

from experiments.reporting import claims, facts
from experiments.reporting.front_plot import front_plot
from experiments.reporting.html import slug
from experiments.reporting.markdown import chapter, paragraphs
from experiments.reporting.measures import main_measure
from experiments.reporting.section_costs import cost_groups, cost_runs, front_said

_TITLES = {
    "multiply-adds a pixel": "Complexity against quality",
    "seconds of training": "Time against accuracy",
}


def costs_chapter(records, figures):
    """Show the fronts of quality over complexity and over time, and what a doubling buys."""
    groups = [(key, group) for key, group in cost_groups(records).items() if _differ(group)]
    parts = [_group(task, test, group, figures) for (task, test), group in groups]
    return chapter("Complexity against quality, time against accuracy", *parts)


def _differ(records):
    """Whether runs are of more than one setting: seeds alone make no front."""
    return len({(run["trial"]["axis"], run["trial"]["value"]) for run in records}) > 1


def _group(task, test, records, figures):
    blocks = []
    for cost, quality, runs in cost_runs(task, records):
        if cost in _TITLES:
            name = slug("front", task, test, cost)
            title = f"{_TITLES[cost]}: {quality} over {cost} on {test}"
            drawn = front_plot(name, title, cost, quality, runs, width=560, height=360)
            blocks += [
                figures.add(drawn, title),
                paragraphs([front_said(cost, runs), _doubling(task, cost, runs)]),
            ]
    return chapter(f"{task}, tested on {test}", *blocks, level=3)


def _doubling(task, cost, runs):
    found = facts.doubling([run[:2] for run in runs])
    return claims.doubling_sentence(cost, main_measure(task), found) if found else ""


def time_sentence(records):
    """Say what time buys in the group with the most runs; empty if nothing can be said."""
    groups = cost_groups(records)
    if not groups:
        return ""
    (task, test), group = max(groups.items(), key=lambda one: len(one[1]))
    if not _differ(group):
        return ""
    runs = next((runs for cost, _, runs in cost_runs(task, group) if "seconds" in cost), [])
    if len(runs) < 2:
        return ""
    cost = "seconds of training"
    setting = f"Time against accuracy ({task}, tested on {test})."
    return f"{setting} {front_said(cost, runs)} {_doubling(task, cost, runs)}".strip()
