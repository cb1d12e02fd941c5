"""Chapters of what each choice contributes, and of what overfits and destabilises."""

from experiments.reporting import claims, facts, sentences
from experiments.reporting.axes import rankings
from experiments.reporting.forest import spreads
from experiments.reporting.html import WIDE, slug
from experiments.reporting.markdown import chapter, escaped, paragraphs, table
from experiments.reporting.measures import MEASURES
from experiments.reporting.section_choices import effect_rows
from experiments.reporting.words import plain

_OVERFIT = ("pictures", "dropout", "width")
_SHOWN = ("psnr", "bits_per_pixel")
_ROWS = 12


def choices_chapter(axes, figures):
    """Rank the axes, and show what each of their values does."""
    parts = [_ranking(key, found, figures) for key, found in rankings(axes).items()]
    parts += [_axis(axis) for axis in axes if axis.effects]
    return chapter("Which components contribute most to reconstruction", *parts)


def _ranking(key, found, figures):
    drawn = spreads(slug("spread", *key), found, width=WIDE)
    alt = f"Spread between the best and the worst value of each axis: {sentences.setting(*key)}"
    items = [
        f"{place}. {escaped(sentences.contribution_sentence(one))}"
        for place, one in enumerate(found, 1)
    ]
    return chapter(
        f"Ranking: {sentences.setting(*key)}",
        paragraphs([sentences.ranking_sentence(found), *sentences.alike_sentences(found)]),
        escaped(sentences.gains_sentence([one.axis for one in found])),
        escaped(sentences.baseline_sentence(found[0].axis)),
        figures.add(drawn, alt),
        "\n".join(items),
        level=3,
    )


def _axis(axis):
    same = sentences.setting(axis.task, axis.budget, axis.test)
    shown = (MEASURES[name] for name in _SHOWN)
    measures = [axis.main, *(measure for measure in shown if measure is not axis.main)]
    return chapter(
        f"{axis.name}",
        paragraphs([f"{same}, against {axis.baseline}.", *sentences.axis_sentences(axis)]),
        table(*effect_rows(axis, measures)),
        level=3,
    )


def habits_chapter(axes, records):
    """State what overfits and what destabilises."""
    overfits = chapter("What overfits", *_overfitting(axes), level=3)
    unsteady = chapter("What destabilises", *_unsteady(axes, records), level=3)
    return chapter("What overfits, and what destabilises", overfits, unsteady)


def _overfitting(axes):
    found, count = facts.widest_gap(axes)
    shown = [
        axis
        for name in _OVERFIT
        for axis in axes
        if axis.name == name and any((value, "gap") in axis.effects for value in axis.others)
    ]
    if count:
        intro = "The gap is the advantage over JPEG on training images less that on held-out ones."
        yield paragraphs([intro, claims.gap_sentence(found, count)])
    for axis in shown:
        yield f"**{escaped(axis.name)}**\n\n{table(*effect_rows(axis, [MEASURES['gap']]))}"


def _unsteady(axes, records):
    found = facts.steadiness(records)
    ended = [sentences.diverged_sentence(records), *sentences.collapsed_sentences(axes)]
    yield paragraphs([*ended, claims.spikes_sentence(found)])
    shown = [one for one in found if not one.is_steady][:_ROWS]
    if shown:
        header = ("setting", "runs", "diverged", "spikes in 1,000 steps", "largest loss ratio")
        norms = ("skipped steps", "median gradient norm", "highest gradient norm")
        yield table((*header, *norms), [_row(one) for one in shown])


def _row(one):
    return (
        one.name,
        one.runs,
        one.diverged or "–",
        plain(one.spikes, 1),
        plain(one.loss_ratio, 1),
        one.skipped or "–",
        plain(one.gradient_norm, 3),
        plain(one.highest_norm, 1),
    )
