"""The section of quality against each cost."""

from experiments.reporting import sentences
from experiments.reporting.axes import run_name, test_set
from experiments.reporting.front_plot import front_plot
from experiments.reporting.fronts import front
from experiments.reporting.html import (
    bullets,
    figure,
    paragraph,
    section,
    slug,
)
from experiments.reporting.ladder import mean_points
from experiments.reporting.measures import MEASURES, level, main_measure
from experiments.reporting.scales import drawable
from experiments.reporting.svg import tag, text
from experiments.reporting.words import plain, seconds, signed, with_unit


def fronts_section(records):
    """Show quality against each cost, a group of plots a task and test set."""
    intro = (
        "Every dot is a run. The line joins the runs that no other beats in both quality and cost."
    )
    parts = [
        part
        for index, (key, group) in enumerate(cost_groups(records).items())
        for part in _fronts_of(index, *key, group)
    ]
    shown = parts or [paragraph("There is no finished run yet.")]
    return section("fronts", "What quality costs", paragraph(intro, "lead"), *shown)


def cost_groups(records):
    """Group the runs that finished by task and test set."""
    groups = {}
    for record in records:
        if record.status == "finished" and record.held_out:
            groups.setdefault((record.trial.task, test_set(record)), []).append(record)
    return groups


def _fronts_of(index, task, test, records):
    heading = tag("h3", text(f"{task}, tested on {test}"))
    if len(records) < 2:
        return [heading, paragraph(sentences.no_front_sentence(test, task))]
    panels, said = [], []
    for cost, quality, runs in cost_runs(task, records):
        drawn = front_plot(
            slug("front", index, cost), f"{quality} over {cost} on {test}", cost, quality, runs
        )
        panels.append(figure(drawn))
        said.append(front_said(cost, runs))
    return [heading, tag("div", *panels, class_="panels"), bullets(said)]


def cost_runs(task, records):
    """List the runs by each cost, for `front_plot`.

    Returns
    -------
    list of (str, str, list)
        Cost, quality, and of each run its cost, its quality, its name and its description;
        without costs that no run has.
    """
    measure = main_measure(task)
    costs = {
        "parameters": lambda record: record.parameters,
        "multiply-adds a pixel": lambda record: record.multiply_adds_per_pixel,
        "seconds of training": lambda record: record.seconds,
    }
    found = [
        (
            name,
            _named(measure),
            [
                (cost(record), level(record, measure), run_name(record), _run_tip(record, measure))
                for record in records
            ],
        )
        for name, cost in costs.items()
    ]
    by_bytes = [
        (point.bits_per_pixel, point.psnr, run_name(record), _run_tip(record, measure))
        for record in records
        for point in mean_points(record.held_out)
        if point.bits_per_pixel is not None
    ]
    found.append(("bits a pixel", _named(MEASURES["psnr"]), by_bytes))
    shown = [
        (cost, quality, [run for run in runs if _is_shown(run)]) for cost, quality, runs in found
    ]
    return [one for one in shown if one[2]]


def _is_shown(run):
    return drawable(run[1]) and drawable(run[0]) and run[0] > 0


def front_said(cost, runs):
    """State what lies at both ends of the front of such runs."""
    best = front([run[:2] for run in runs])
    names = [run[2] for run in runs]
    return sentences.front_sentence(cost, names[best[-1]], names[best[0]], names)


def _named(measure):
    return f"{measure.label} ({measure.unit})" if measure.unit else measure.label


def _run_tip(record, measure):
    value = with_unit(signed(level(record, measure), measure.digits), measure.unit)
    points = mean_points(record.held_out)
    rates = [p.bits_per_pixel for p in points if p.bits_per_pixel is not None]
    psnr = sum(point.psnr for point in points) / len(points)
    return "\n".join(
        (
            run_name(record),
            f"{measure.label} {value}, PSNR {plain(psnr)} dB",
            *([f"{plain(sum(rates) / len(rates), 3)} bits a pixel"] if rates else []),
            f"{record.parameters:,} parameters, "
            f"{record.multiply_adds_per_pixel:,.0f} multiply-adds a pixel",
            f"trained for {seconds(record.seconds)}",
        )
    )
