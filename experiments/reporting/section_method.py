"""The section of how all was measured."""

from experiments.reporting import sentences
from experiments.reporting.axes import test_set
from experiments.reporting.effects import LEVEL, RESAMPLES
from experiments.reporting.html import (
    bullets,
    folded,
    paragraph,
    section,
    table,
)
from experiments.reporting.svg import tag
from experiments.reporting.words import listed


def method_section(records, faults):
    """State how all was measured, by what, and what was left out."""
    parts = [
        paragraph(sentences.counts_sentence(records)),
        paragraph(sentences.diverged_sentence(records)),
        bullets(METHOD),
        table("Runs by what they are", *runs_rows(records)),
        folded(
            "Machines and versions",
            table("What the runs were made with", *environment_rows(records)),
        ),
        tag("h3", "What was left out"),
        paragraph(sentences.faults_sentence(faults)),
        bullets(faults),
    ]
    return section("method", "How it was measured", *parts)


METHOD = (
    "Rates are those of whole files, headers included; qualities are those of the images that "
    "are decoded from them, PSNR over all of RGB, SSIM by Gaussian windows of 11x11, the mean over "
    "channels. Means are taken of each image's own value.",
    "The advantage over JPEG is an image's PSNR less that of JPEG with at most as many bytes; "
    "where JPEG images are restored or emulated, less that of the JPEG image itself. JPEG is "
    "poor where bits are few, so that a value with a lower rate is compared with less: its rate "
    "and its PSNR stand beside. Where even JPEG's lowest quality is larger, that is compared with.",
    "Differences are taken between runs of the same seed on the same images. The baseline's runs "
    "are the same in all axes and count in each of them. Intervals are at "
    f"{100 * LEVEL:g} %, from {RESAMPLES:,} resamples of seeds and of images; as resampling a "
    "few values gives too narrow an interval, deviations are stretched to agree with Student's "
    "t. Intervals of whole runs' measures resample seeds only. “No difference” is one that these "
    "runs cannot tell from none: 0 is inside its interval, however wide that is.",
    "The gap is the advantage over JPEG on training images less that on held-out images. A "
    "part of it is that the images differ: what overfits shows where a value widens it.",
    "Intervals are of one comparison each: of twenty choices that do nothing, one will look like "
    "a difference. The best and the worst of a ranked axis are chosen after the fact, so that "
    "spreads lean upwards with the number of values.",
)


def runs_rows(records):
    """Lay out the runs by task, budget and sets: the header and the rows."""
    groups = {}
    for record in records:
        trial = record.trial
        key = trial.task, trial.budget, trial.data.train, test_set(record)
        groups.setdefault(key, []).append(record)
    header = ("task", "budget", "trained on", "tested on", "runs", "seeds")
    counts = ("training images", "test images")
    rows = [
        (
            *key,
            len(group),
            len({record.trial.seed for record in group}),
            _counted(record.trial.data.pictures for record in group),
            _counted(len({one.name for one in record.held_out}) for record in group),
        )
        for key, group in groups.items()
    ]
    return (*header, *counts), rows


def _counted(counts):
    """Write the counts that there are; those of runs without images are 0."""
    return listed(sorted({count for count in counts if count})) or "–"


def environment_rows(records):
    """Lay out the environments of the runs: the header and the rows."""
    found = {}
    for record in records:
        for name, value in record.environment.items():
            found.setdefault(name, {}).setdefault(str(value), None)
    rows = [(name, "; ".join(values)) for name, values in found.items()]
    return ("what", "values"), rows
