"""The findings as a Markdown text with figures beside it, for readers on a code host."""

import os
from urllib.parse import quote

from experiments.reporting import claims, facts, sentences
from experiments.reporting.axes import rankings, study
from experiments.reporting.findings_choices import choices_chapter, habits_chapter
from experiments.reporting.findings_costs import costs_chapter
from experiments.reporting.findings_ideas import expansion_chapter, sets_chapter, tasks_chapter
from experiments.reporting.findings_ladder import ladder_chapter, tests_of
from experiments.reporting.findings_method import limits_chapter, method_chapter
from experiments.reporting.ladder import against_codecs, ladder
from experiments.reporting.markdown import Figures, bullets, chapter, heading, link
from experiments.reporting.page import TITLE
from experiments.reporting.sources import PACKAGED
from experiments.reporting.words import listed

NAME = "FINDINGS.md"


def make_findings(records, faults, places, folder):
    """Write the findings.

    Parameters
    ----------
    records, faults, places
        As for the page.
    folder : Path
        Where the text will lie; its links lead from there.

    Returns
    -------
    dict of str to str
        Texts by file name, those of figures below ``figures/``.
    """
    pairs, main = facts.training_sets(records)
    axes, unused = study(main)
    rungs, figures = ladder(main), Figures()
    chapters = (
        heading(TITLE, 1),
        _made(places, folder),
        method_chapter(records),
        _short_chapter(records, main, axes, rungs, places),
        ladder_chapter(rungs, places, figures),
        choices_chapter(axes, figures),
        costs_chapter(main, figures),
        habits_chapter(axes, records),
        expansion_chapter(rungs),
        tasks_chapter(main),
        sets_chapter(pairs),
        limits_chapter(records, axes, [*faults, *unused]),
    )
    text = "\n\n".join(one for one in chapters if one) + "\n"
    return {NAME: text} | figures.files


def _made(places, folder):
    """State what made the text, and where its records are."""
    shown = [os.path.relpath(place.resolve(), folder.resolve()) for place in places]
    links = [link(f"{place}/", quote(f"{place.replace(os.sep, '/')}/")) for place in shown]
    own = "" if [*places] == [PACKAGED] else "RECORDS... "
    return (
        f"Every number here is computed from the records in {listed(links)} by "
        f"`python -m experiments.report {own}--findings DIR -o PAGE`, which also writes "
        "report.html: a page with all measures, training curves and crops to compare."
    )


def _short_chapter(records, main, axes, rungs, places):
    """State the most important in a few sentences."""
    contributions = next(iter(rankings(axes).values()), [])
    said = [
        *_best(rungs, places),
        *(
            claims.better_sentence(test, *found)
            for test, found in facts.better_than_jpeg(main).items()
        ),
        sentences.ranking_sentence(contributions) if contributions else "",
        *sentences.alike_sentences(contributions),
        sentences.gains_sentence([one.axis for one in contributions]),
        claims.unsure_sentence(contributions),
        claims.gap_sentence(*facts.widest_gap(axes)),
        sentences.diverged_sentence(records),
        *sentences.collapsed_sentences(axes),
        claims.spikes_sentence(facts.steadiness(records)),
    ]
    said = [one for one in said if one]
    return chapter("In short", bullets(said))


def _best(rungs, places):
    """State which rung is best on each test set."""
    for test, own, curves, learned in tests_of(rungs, places):
        best = facts.best_rung(own, curves.get("jpeg", []))
        if best is not None:
            others = against_codecs(best.rung.coded, curves | learned)
            said = claims.best_sentence(test, best)
            yield f"{said} {sentences.codecs_sentence(best.rung.name, others)}".strip()
