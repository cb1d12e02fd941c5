"""Chapters of the ideas behind: why latents must be few, which task is useful, what sets teach."""

import numpy as np

from experiments.cli.console import counted
from experiments.reporting import claims, facts, sentences
from experiments.reporting.markdown import bullets, chapter, escaped, paragraphs, table
from experiments.reporting.measures import MEASURES
from experiments.reporting.words import listed, signed, with_unit

_EMULATE = (
    "What JPEG loses is a deterministic function of the original: the original's blocks, "
    "transformed and rounded. A network that emulates it is asked to copy that function; whatever "
    "it learns, JPEG's own encoder and decoder do exactly, and faster."
)
_RESTORE = (
    "Restoring goes the other way, and there is no such function: many originals have the same "
    "JPEG image. To choose among them a network needs the statistics of photographs, "
    "which JPEG's decoder does not have: that makes this the useful direction."
)


def expansion_chapter(rungs):
    """Explain why a textbook autoencoder expands the image, beside what the rungs keep."""
    first = {}
    for rung in rungs:
        said = claims.latents_sentence(rung)
        if said:
            first.setdefault(rung.name, f"{said[:-1]}, tested on {rung.test}.")
    if not first:
        return ""
    return chapter(
        "Why a textbook autoencoder expands the image",
        escaped(claims.expansion_sentence()),
        "What compresses is few latents, each rounded to few values, written by an entropy coder:",
        bullets(first.values()),
    )


def tasks_chapter(records):
    """State what emulating JPEG learns, and what restoring gains."""
    emulated = [_emulated(*key, runs) for key, runs in facts.task_runs(records, "emulate").items()]
    restored = [_restored(*key, runs) for key, runs in facts.task_runs(records, "restore").items()]
    emulated, restored = ([one for one in said if one] for said in (emulated, restored))
    return chapter(
        "What emulate learns, and why restore is the useful direction",
        paragraphs([_EMULATE, *emulated]) if emulated else "",
        paragraphs([_RESTORE, *restored]) if restored else "",
    )


def _emulated(budget, test, runs):
    near = facts.outcome(runs, MEASURES["psnr"])
    if near is None:
        return ""
    # Both are against the JPEG image: PSNR is the same in both directions.
    jpeg = [one.jpeg_psnr for run in runs for one in run.held_out]
    said = claims.emulate_sentence(test, near, float(np.mean(jpeg)))
    return f"{said[:-1]} (budget {budget})."


def _restored(budget, test, runs):
    gain = facts.outcome(runs, MEASURES["advantage"])
    return "" if gain is None else f"{claims.restore_sentence(test, gain)[:-1]} (budget {budget})."


def sets_chapter(pairs):
    """Compare what was trained on the small set with the same trained on another one."""
    if not pairs:
        return ""
    sizes = [run.trial.data.pictures for one in pairs for run in one.small_runs.values()]
    header = ("network", "tested on", "measure", "trained on", facts.SMALL_SET, "other set")
    compared = ("difference", f"gap, {facts.SMALL_SET}", "gap, other set")
    small = f"{max(sizes)} images"
    sure = [one.effect.difference for one in pairs if one.effect.is_difference]
    won = sum(difference > 0 for difference in sure)
    return chapter(
        f"What {small} can and cannot teach",
        paragraphs(
            [
                f"The same networks were trained on {facts.SMALL_SET} and on "
                f"{listed(sorted({one.other for one in pairs}))}, and tested on the same images.",
                f"Of {counted(len(pairs), 'comparison')} the other set is better in {won}, "
                f"{facts.SMALL_SET} in {len(sure) - won}; the rest make no difference.",
            ]
        ),
        table((*header, *compared), [_pair_row(one) for one in pairs]),
    )


def _pair_row(pair):
    return (
        pair.name,
        pair.test,
        pair.measure.label,
        f"{facts.SMALL_SET} and {pair.other}",
        _level(pair.small_runs, pair.measure),
        _level(pair.other_runs, pair.measure),
        sentences.verdict(pair.effect, pair.measure),
        _level(pair.small_runs, MEASURES["gap"]),
        _level(pair.other_runs, MEASURES["gap"]),
    )


def _level(runs, measure):
    found = facts.outcome(runs.values(), measure)
    return "–" if found is None else with_unit(signed(found.mean, measure.digits), measure.unit)
