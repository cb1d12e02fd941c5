"""The section of the ladder: its rungs beside other codecs."""

from experiments.networks.configs import name_of
from experiments.reporting import networks, sentences
from experiments.reporting.html import (
    at_two_widths,
    bullets,
    figure,
    paragraph,
    section,
    slug,
    table,
)
from experiments.reporting.ladder import against_codecs, against_jpeg
from experiments.reporting.rate_plot import rate_plot
from experiments.reporting.sources import anchors, published
from experiments.reporting.svg import tag, text
from experiments.reporting.words import plain, seconds, signed

INTRO = (
    "Rungs go from the simplest network to the one that was trained for its bytes too. A rung may "
    "change several things at once, so that what it gains or loses is the whole's and no part's. "
    "Further left is fewer bytes, further up is closer to the original; rates are those of whole "
    "files."
)


def ladder_section(rungs, places):
    """Show the rungs' curves beside other codecs', and what they save against JPEG."""
    if not rungs:
        said = paragraph("There are no records of the ladder yet.")
        return section("ladder", "The ladder", said)
    parts = []
    for test in dict.fromkeys(rung.test for rung in rungs):
        own = [rung for rung in rungs if rung.test == test]
        parts += _ladder_of(test, own, anchors(test, places), published(test))
    made = table("What each rung is", *made_rows(rungs))
    return section("ladder", "The ladder", paragraph(INTRO, "lead"), *parts, made)


def _ladder_of(test, rungs, classical, learned):
    coded = [rung for rung in rungs if rung.coded]
    drawn = ""
    if coded:
        title = f"Quality over rate on {test}"
        drawn = at_two_widths(
            lambda identifier, width: rate_plot(
                identifier, title, coded, classical, learned, width=width
            ),
            slug("rate", test),
        )
    counts = {point.images for rung in rungs for point in rung.points}
    return [
        tag("h3", text(f"Tested on {test}")),
        figure(drawn, caption=sentences.anchor_sentence(test, classical | learned, counts)),
        bullets([rung_sentences(rung, classical | learned) for rung in rungs]),
        table(f"The rungs on {test}, means over the images", *rung_rows(rungs)),
    ]


def rung_sentences(rung, curves):
    """State how a rung's images and bytes compare with JPEG's, and its curve with other codecs'."""
    said = sentences.rung_sentence(rung)
    if not rung.coded:
        return said
    than_jpeg = sentences.jpeg_sentence(against_jpeg(rung.coded, curves.get("jpeg", [])))
    others = sentences.codecs_sentence(rung.name, against_codecs(rung.coded, curves))
    return " ".join(one for one in (said, sentences.floor_sentence(rung), than_jpeg, others) if one)


def made_rows(rungs):
    """Lay out what each rung is and how it was trained: the header and the rows."""
    trials = {rung.name: rung.record.trial for rung in rungs}
    rows = [
        (
            name,
            name_of(trial.model),
            networks.settings(trial.model),
            networks.training(trial.options),
        )
        for name, trial in trials.items()
    ]
    return ("rung", "network", "settings", "training"), rows


def rung_rows(rungs):
    """Lay out the rungs' qualities and costs, a row a rate: the header and the rows."""
    header = ("rung", "rate", "bits a pixel", "PSNR (dB)", "over JPEG (dB)", "SSIM")
    costs = ("parameters", "multiply-adds a pixel", "training", "encode (s/MP)", "decode (s/MP)")
    rows = [
        (
            rung.name,
            "–" if point.rate is None else point.rate + 1,
            plain(point.bits_per_pixel, 3),
            plain(point.psnr),
            signed(point.psnr - point.jpeg_psnr),
            plain(point.ssim, 4),
            f"{rung.record.parameters:,}",
            f"{rung.record.multiply_adds_per_pixel:,.0f}",
            seconds(rung.record.seconds),
            plain(rung.record.encode_seconds_per_megapixel),
            plain(rung.record.decode_seconds_per_megapixel),
        )
        for rung in rungs
        for point in rung.points
    ]
    return (*header, *costs), rows
