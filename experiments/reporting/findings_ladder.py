"""The chapter of the ladder."""

from experiments.reporting import claims, facts, sentences
from experiments.reporting.html import WIDE, slug
from experiments.reporting.markdown import bullets, chapter, escaped, table
from experiments.reporting.rate_plot import rate_plot
from experiments.reporting.section_ladder import INTRO, made_rows, rung_rows, rung_sentences
from experiments.reporting.sources import anchors, published


def tests_of(rungs, places):
    """Yield each test set with its rungs, and the curves of classical and of learned codecs."""
    for test in dict.fromkeys(rung.test for rung in rungs):
        own = [rung for rung in rungs if rung.test == test]
        yield test, own, anchors(test, places), published(test)


def ladder_chapter(rungs, places, figures):
    """Show each test set's curves, what the rungs need, and where they lose."""
    parts = [_test(*one, figures) for one in tests_of(rungs, places)]
    return chapter("The ladder", *((INTRO, table(*made_rows(rungs)), *parts) if parts else ()))


def _test(test, rungs, classical, learned, figures):
    coded = [rung for rung in rungs if rung.coded]
    drawn = None
    if coded:
        title = f"Quality over rate on {test}"
        drawn = rate_plot(slug("rate", test), title, coded, classical, learned, width=WIDE)
    counts = {point.images for rung in rungs for point in rung.points}
    lost = [(rung, facts.losses(rung)) for rung in rungs]
    return chapter(
        f"Tested on {test}",
        figures.add(drawn, f"PSNR over bits a pixel of the rungs and other codecs on {test}"),
        escaped(sentences.anchor_sentence(test, classical | learned, counts)),
        bullets([rung_sentences(rung, classical | learned) for rung in rungs]),
        table(*rung_rows(rungs)),
        *map(escaped, claims.smaller_is_better_sentences(rungs)),
        "Where each rung loses:" if any(found for _, found in lost) else "",
        bullets([claims.losses_sentence(rung, found) for rung, found in lost if found]),
        level=3,
    )
