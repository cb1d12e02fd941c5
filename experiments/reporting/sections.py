"""The sections of the report, each as markup."""

from experiments.reporting import sentences
from experiments.reporting.axes import rankings, run_name, test_set
from experiments.reporting.curve_plot import curve_plot
from experiments.reporting.effects import LEVEL, MEASURES, RESAMPLES, finished, level, main_measure
from experiments.reporting.forest import forest, spreads
from experiments.reporting.front_plot import front_plot
from experiments.reporting.fronts import front
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
from experiments.reporting.ladder import against_jpeg, mean_points
from experiments.reporting.rate_plot import rate_plot
from experiments.reporting.sources import anchors, published
from experiments.reporting.svg import drawable, tag, text
from experiments.reporting.words import listed, plain, seconds, signed, with_unit


def ladder_section(rungs, places):
    """Show the rungs' curves beside other codecs', and what they save against JPEG."""
    if not rungs:
        said = paragraph("There are no records of the ladder yet.")
        return section("ladder", "The ladder", said)
    parts = []
    for test in dict.fromkeys(rung.test for rung in rungs):
        own = [rung for rung in rungs if rung.test == test]
        parts += _ladder_of(test, own, anchors(test, places), published(test))
    intro = (
        "Each rung adds to the one before. Further left is fewer bytes, further up is closer to "
        "the original; rates are those of whole files."
    )
    return section("ladder", "The ladder", paragraph(intro, "lead"), *parts)


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
    counts = {point.pictures for rung in rungs for point in rung.points}
    return [
        tag("h3", text(f"Tested on {test}")),
        figure(drawn, caption=sentences.anchor_sentence(test, classical | learned, counts)),
        bullets([_rung_sentences(rung, classical.get("jpeg", [])) for rung in rungs]),
        _rung_table(test, rungs),
    ]


def _rung_sentences(rung, jpeg):
    said = sentences.rung_sentence(rung)
    if not rung.coded:
        return said
    return f"{said} {sentences.jpeg_sentence(against_jpeg(rung.coded, jpeg))}"


def _rung_table(test, rungs):
    header = ("rung", "rate", "bits a pixel", "PSNR (dB)", "over JPEG (dB)", "SSIM")
    costs = ("parameters", "multiply-adds a pixel", "training", "encode (s/MP)", "decode (s/MP)")
    rows = [
        (
            rung.name,
            "–" if point.rate is None else point.rate,
            plain(point.bits_per_pixel, 3),
            plain(point.psnr),
            signed(point.psnr - point.jpeg_psnr),
            plain(point.ssim, 4),
            f"{rung.record['parameters']:,}",
            f"{rung.record['multiply_adds_per_pixel']:,.0f}",
            seconds(rung.record["seconds"]),
            plain(rung.record["encode_seconds_per_megapixel"]),
            plain(rung.record["decode_seconds_per_megapixel"]),
        )
        for rung in rungs
        for point in rung.points
    ]
    return table(f"The rungs on {test}, means over the pictures", (*header, *costs), rows)


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
    measures = [
        measure
        for measure in axis.measures
        if any((value, measure.name) in axis.effects for value in axis.others)
    ]
    header = ("value", "runs", "diverged", *(_heading(measure) for measure in measures))
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
    caption = f"{axis.name}: differences from {axis.baseline}, with 95 % intervals"
    return table(caption, header, [base, *rows])


def _heading(measure):
    return measure.label[0].upper() + measure.label[1:]


def _counts(axis, value):
    return len(axis.runs[value]), len(axis.diverged(value)) or "–"


def _level(axis, measure):
    values = [level(run, measure) for run in finished(axis.runs[axis.baseline]).values()]
    if not values or None in values:
        return "–"
    return with_unit(plain(sum(values) / len(values), measure.digits), measure.unit)


def ranking_section(axes):
    """Order the axes by what they contribute, a list a setting."""
    groups = rankings(axes)
    parts = [] if groups else [paragraph(sentences.ranking_sentence([]))]
    for key, found in groups.items():
        parts.append(tag("h3", text(sentences.setting(*key))))
        parts.append(paragraph(sentences.ranking_sentence(found), "lead"))
        parts.append(figure(_spreads(key, found)))
        items = [tag("li", text(sentences.contribution_sentence(one))) for one in found]
        parts.append(tag("ol", *items))
    return section("ranking", "Which choice matters most", *parts)


def _spreads(key, found):
    return at_two_widths(
        lambda identifier, width: spreads(identifier, found, width=width), slug("spread", *key)
    )


def fronts_section(records):
    """Show quality against each cost, a group of plots a task and test set."""
    groups = {}
    for record in records:
        if record["status"] == "finished" and record["held_out"]:
            groups.setdefault((record["trial"]["task"], test_set(record)), []).append(record)
    intro = (
        "Every dot is a run. The line joins the runs that no other beats in both quality and cost."
    )
    parts = [
        part
        for index, (key, group) in enumerate(groups.items())
        for part in _fronts_of(index, *key, group)
    ]
    shown = parts or [paragraph("There is no finished run yet.")]
    return section("fronts", "What quality costs", paragraph(intro, "lead"), *shown)


def _fronts_of(index, task, test, records):
    heading = tag("h3", text(f"{task}, tested on {test}"))
    if len(records) < 2:
        return [heading, paragraph(sentences.no_front_sentence(test, task))]
    measure = main_measure(task)
    costs = {
        "parameters": lambda record: record["parameters"],
        "multiply-adds a pixel": lambda record: record["multiply_adds_per_pixel"],
        "seconds of training": lambda record: record["seconds"],
    }
    panels, said = [], []
    for name, cost in costs.items():
        runs = [
            (cost(record), level(record, measure), run_name(record), _run_tip(record, measure))
            for record in records
        ]
        _panel(panels, said, slug("front", index, name), test, name, _named(measure), runs)
    runs = [
        (point.bits_per_pixel, point.psnr, run_name(record), _run_tip(record, measure))
        for record in records
        for point in mean_points(record["held_out"])
        if point.bits_per_pixel is not None
    ]
    _panel(
        *(panels, said, slug("front", index, "bytes"), test),
        *("bits a pixel", _named(MEASURES["psnr"]), runs),
    )
    return [
        heading,
        tag("div", *panels, class_="panels"),
        bullets(said),
    ]


def _named(measure):
    return f"{measure.label} ({measure.unit})" if measure.unit else measure.label


def _panel(panels, said, identifier, test, cost, quality, runs):
    runs = [run for run in runs if drawable(run[1]) and drawable(run[0]) and run[0] > 0]
    if not runs:
        return
    panels.append(
        figure(front_plot(identifier, f"{quality} over {cost} on {test}", cost, quality, runs))
    )
    best = front([run[:2] for run in runs])
    said.append(sentences.front_sentence(cost, runs[best[-1]][2], runs[best[0]][2], len(runs)))


def _run_tip(record, measure):
    value = with_unit(signed(level(record, measure), measure.digits), measure.unit)
    points = mean_points(record["held_out"])
    rates = [p.bits_per_pixel for p in points if p.bits_per_pixel is not None]
    psnr = sum(point.psnr for point in points) / len(points)
    return "\n".join(
        (
            run_name(record),
            f"{measure.label} {value}, PSNR {plain(psnr)} dB",
            *([f"{plain(sum(rates) / len(rates), 3)} bits a pixel"] if rates else []),
            f"{record['parameters']:,} parameters, "
            f"{record['multiply_adds_per_pixel']:,.0f} multiply-adds a pixel",
            f"trained for {seconds(record['seconds'])}",
        )
    )


def curves_section(axes):
    """Show how the values of every axis train."""
    blocks = []
    for index, axis in enumerate(axes):
        name = slug("curve", index, axis.name)
        panels = [
            curve_plot(f"{name}-psnr", axis, "held_out_psnr", "held-out PSNR (dB)"),
            curve_plot(f"{name}-gradient", axis, "gradient_norm", "gradient norm", log=True),
        ]
        shown = [figure(panel) for panel in panels if panel]
        if shown:
            title = f"{axis.name} ({axis.task}, {axis.budget}, {axis.test})"
            blocks += [tag("h3", text(title)), tag("div", *shown, class_="panels")]
    intro = "Lines are means over seeds, bands go from the least to the greatest of them."
    blocks = blocks or [paragraph("No run has a training curve.")]
    return section("curves", "How they train", paragraph(intro, "lead"), *blocks)


def method_section(records, faults):
    """Say how all was measured, by what, and what was left out."""
    parts = [
        paragraph(sentences.counts_sentence(records)),
        paragraph(sentences.diverged_sentence(records)),
        bullets(_METHOD),
        _runs_table(records),
        folded("Machines and versions", _environment(records)),
        tag("h3", "What was left out"),
        paragraph(sentences.faults_sentence(faults)),
        bullets(faults),
    ]
    return section("method", "How it was measured", *parts)


_METHOD = (
    "Rates are those of whole files, headers included; qualities are those of the pictures that "
    "are decoded from them. Means are taken of each picture's own value.",
    "The advantage over JPEG is a picture's PSNR less that of JPEG with at most as many bytes; "
    "where JPEG pictures are restored or emulated, less that of the JPEG picture itself.",
    "Differences are taken between runs of the same seed on the same pictures. Intervals are at "
    f"{100 * LEVEL:g} %, from {RESAMPLES:,} resamples of seeds and of pictures; as resampling a "
    "few values gives too narrow an interval, deviations are stretched to agree with Student's "
    "t. Intervals of whole runs' measures resample seeds only.",
    "The gap is the advantage over JPEG on training pictures less that on held-out pictures, so "
    "that training pictures which are merely easier do not count.",
    "Intervals are of one comparison each: of twenty choices that do nothing, one will look like "
    "a difference. The best and the worst of a ranked axis are chosen after the fact, so that "
    "spreads lean upwards with the number of values.",
)


def _runs_table(records):
    groups = {}
    for record in records:
        trial = record["trial"]
        trained = str(trial["data"].get("train", "–"))
        key = trial["task"], trial["budget"], trained, test_set(record)
        groups.setdefault(key, []).append(record)
    header = ("task", "budget", "trained on", "tested on", "runs", "seeds")
    counts = ("training pictures", "test pictures")
    rows = [
        (
            *key,
            len(group),
            len({record["trial"]["seed"] for record in group}),
            _counted(record["trial"]["data"].get("pictures") for record in group),
            _counted(len({one["name"] for one in record["held_out"]}) for record in group),
        )
        for key, group in groups.items()
    ]
    return table("Runs by what they are", (*header, *counts), rows)


def _counted(counts):
    """Write the counts that there are; those of runs without pictures are 0."""
    return listed(sorted({count for count in counts if isinstance(count, int) and count})) or "–"


def _environment(records):
    found = {}
    for record in records:
        for name, value in record["environment"].items():
            found.setdefault(name, {}).setdefault(str(value), None)
    rows = [(name, "; ".join(values)) for name, values in found.items()]
    return table("What the runs were made with", ("what", "values"), rows)
