"""The page: one file with all that it needs in it."""

from pathlib import Path

from experiments.reporting import sentences
from experiments.reporting.axes import rankings, study
from experiments.reporting.crops import read_crops
from experiments.reporting.html import paragraph
from experiments.reporting.ladder import ladder
from experiments.reporting.section_choices import choices_section, ranking_section
from experiments.reporting.section_costs import fronts_section
from experiments.reporting.section_crops import crops_section
from experiments.reporting.section_ladder import ladder_section
from experiments.reporting.section_method import method_section
from experiments.reporting.section_training import curves_section
from experiments.reporting.svg import tag, text

TITLE = "What shapes an image autoencoder"
_HERE = Path(__file__).parent
_LINKS = {
    "ladder": "Ladder",
    "choices": "Choices",
    "ranking": "Ranking",
    "fronts": "Cost",
    "curves": "Training",
    "crops": "Images",
    "method": "Method",
}


def make_page(records, faults, places):
    """Write the report.

    Parameters
    ----------
    records : list of Record
        At least one.
    faults : list of str
        What was left out when they were read.
    places : list of Path
        Folders in which ``anchors`` and ``crops`` are looked for.

    Returns
    -------
    str
        HTML.
    """
    axes, unused = study(records)
    crops, unread = _crops(places, {record.trial.axis for record in records})
    body = (
        _header(records, axes),
        _navigation(),
        tag(
            "main",
            ladder_section(ladder(records), places),
            choices_section(axes, records),
            ranking_section(axes),
            fronts_section(records),
            curves_section(axes),
            crops_section(crops),
            method_section(records, [*faults, *unused, *unread]),
        ),
        tag("div", id="tip", role="status", hidden=""),
        tag("script", (_HERE / "script.js").read_text(encoding="utf-8")),
    )
    return f'<!doctype html>\n<html lang="en">{_head()}{tag("body", *body)}</html>\n'


def _crops(places, rungs):
    """Read the crops of those rungs that there are records of."""
    crops, faults = [], []
    for place in places:
        found, wrong = read_crops(place)
        crops += [crop for crop in found if crop.entry.rung in rungs]
        faults += wrong
    return crops, faults


def _head():
    return tag(
        "head",
        '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        # An empty icon, or the browser asks for one.
        '<link rel="icon" href="data:,">',
        tag("title", text(TITLE)),
        tag("style", (_HERE / "style.css").read_text(encoding="utf-8")),
    )


def _header(records, axes):
    first = next(iter(rankings(axes).values()), [])
    return tag(
        "header",
        tag("h1", text(TITLE)),
        paragraph(sentences.ranking_sentence(first), "standfirst"),
        paragraph(sentences.counts_sentence(records), "setting"),
    )


def _navigation():
    links = [tag("a", text(name), href=f"#{target}") for target, name in _LINKS.items()]
    button = tag("button", "Dark or light", type="button", id="theme")
    return tag("nav", *links, button, aria_label="Sections")
