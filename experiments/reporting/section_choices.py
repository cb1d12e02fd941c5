"""The sections of the ablations: what every choice does, and which matters most."""

from experiments.reporting import sentences
from experiments.reporting.axes import rankings
from experiments.reporting.forest import forest, spreads
from experiments.reporting.html import (
    at_two_widths,
    bullets,
    figure,
    folded,
    paragraph,
    section,
    slug,
    table,
)
from experiments.reporting.svg import tag, text
from experiments.reporting.words import plain, with_unit


def choices_section(axes, records):
    """Show what every value of every axis does, and which of the records' runs diverged."""
    if not axes:
        said = paragraph("There are no records of ablations yet.")
        return section("choices", "What each choice does", said)
    intro = (
        "One thing is changed, all else stays. A filled dot is a difference: its 95 % interval "
        "leaves out zero. An empty dot is no difference that these runs can tell."
    )
    lost = paragraph(sentences.diverged_sentence(records))
    blocks = [_axis(index, axis) for index, axis in enumerate(axes)]
    return section("choices", "What each choice does", paragraph(intro, "lead"), lost, *blocks)


def _axis(index, axis):
    drawn = at_two_widths(
        lambda identifier, width: forest(identifier, axis, width=width),
        slug("forest", index, axis.name),
    )
    parts = [tag("h3", text(axis.name))]
    if axis.baseline is not None:
        same = sentences.setting(axis.task, axis.budget, axis.test)
        parts.append(paragraph(f"{same}, against {axis.baseline}", "setting"))
    parts += [figure(drawn), bullets(sentences.axis_sentences(axis))]
    if axis.effects:
        parts.append(folded(f"{axis.name}: all measures", _effects_table(axis)))
    return tag("article", *parts)


def _effects_table(axis):
    caption = f"{axis.name}: differences from {axis.baseline}, with 95 % intervals"
    return table(caption, *effect_rows(axis, axis.measures))


def effect_rows(axis, measures):
    """Lay out what an axis's values do by those of the measures that it has: header and rows."""
    measures = [
        measure
        for measure in measures
        if any((value, measure.name) in axis.effects for value in axis.others)
    ]
    header = ("value", "runs", "diverged", *(measure.label for measure in measures))
    base = (
        f"{axis.baseline} (baseline)",
        *_counts(axis, axis.baseline),
        *(_level(axis, measure) for measure in measures),
    )
    rows = [
        (
            value,
            *_counts(axis, value),
            *(
                sentences.verdict(axis.effects.get((value, measure.name)), measure)
                for measure in measures
            ),
        )
        for value in axis.others
    ]
    return header, [base, *rows]


def _counts(axis, value):
    return len(axis.runs[value]), len(axis.diverged(value)) or "–"


def _level(axis, measure):
    found = axis.level(axis.baseline, measure)
    return "–" if found is None else with_unit(plain(found, measure.digits), measure.unit)


def ranking_section(axes):
    """Order the axes by what they contribute, a list a setting."""
    groups = rankings(axes)
    parts = [] if groups else [paragraph(sentences.ranking_sentence([]))]
    for key, found in groups.items():
        parts.append(tag("h3", text(sentences.setting(*key))))
        parts.append(paragraph(sentences.ranking_sentence(found), "lead"))
        parts += [paragraph(said) for said in sentences.alike_sentences(found)]
        parts.append(paragraph(sentences.gains_sentence([one.axis for one in found])))
        parts.append(paragraph(sentences.baseline_sentence(found[0].axis)))
        parts.append(figure(_spreads(key, found)))
        items = [tag("li", text(sentences.contribution_sentence(one))) for one in found]
        parts.append(tag("ol", *items))
    return section("ranking", "Which choice matters most", *parts)


def _spreads(key, found):
    return at_two_widths(
        lambda identifier, width: spreads(identifier, found, width=width), slug("spread", *key)
    )
