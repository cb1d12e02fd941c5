"""Sentences with numbers in the report; every one is computed from the records."""

import math

from experiments.cli.console import counted
from experiments.networks.configs import name_of
from experiments.reporting import networks
from experiments.reporting.axes import ALIKE, COLLAPSE, best_gains, run_name, trained_networks
from experiments.reporting.measures import MEASURES
from experiments.reporting.sources import PUBLISHED
from experiments.reporting.words import (
    listed,
    numbered,
    percent,
    plain,
    signed,
    with_unit,
)

NO_DIFFERENCE = "no difference"
ONE_SEED = "one seed: no interval"
# What an axis changes beside what its name says.
_ALSO = {
    "depth": "With the depth goes the number of latent channels, so that an image's latents stay "
    "as many.",
    "pooling": "With max and average pooling the decoder enlarges and convolves, in place of a "
    "transposed convolution: more multiply-adds.",
    "optimizer": "Each has its own default learning rate and clipping.",
    "schedule": "Cosine alone has a warm-up.",
    "pictures": "The entropy coder's tables are made from the same images.",
}
_TASKS = {"autoencode": "compressing", "emulate": "emulating JPEG", "restore": "restoring JPEG"}


def verdict(effect, measure):
    """State what a difference is, as a cell of a table has it."""
    if effect is None:
        return "not measured"
    size = with_unit(signed(effect.difference, measure.digits), measure.unit)
    if effect.low is None:
        return f"{size} ({ONE_SEED})"
    bounds = interval(effect, measure)
    return f"{size} ({bounds})" if effect.is_difference else f"{NO_DIFFERENCE} ({bounds})"


def interval(effect, measure):
    """Write an effect's 95 % interval without its unit."""
    return f"{signed(effect.low, measure.digits)} to {signed(effect.high, measure.digits)}"


def effect_sentence(axis, value, measure):
    """State what a value does against its axis's baseline by one measure."""
    effect = axis.effects.get((value, measure.name))
    if len(axis.diverged(value)) == len(axis.runs[value]):
        runs = len(axis.runs[value])
        seeds = numbered("seed", axis.diverged(value))
        return (
            f"{value}: {runs} of {counted(runs, 'run')} diverged ({seeds}); there is nothing to "
            "compare."
        )
    if effect is None:
        return f"{value} has no {measure.label} to compare{_but_diverged(axis, value)}."
    size = with_unit(signed(effect.difference, measure.digits), measure.unit)
    if effect.low is None:
        said = f"{value} against {axis.baseline}: {size} of {measure.label}; {ONE_SEED}"
    elif effect.is_difference:
        said = (
            f"{value} against {axis.baseline}: {size} of {measure.label} (95 % interval "
            f"{interval(effect, measure)}; {_basis(effect)})"
        )
    else:
        said = (
            f"{value} makes {NO_DIFFERENCE} to the {measure.label} against {axis.baseline} "
            f"(95 % interval {interval(effect, measure)}; {_basis(effect)})"
        )
    return f"{said}{_but_diverged(axis, value)}{_left_out(effect)}."


def _basis(effect):
    seeds = counted(len(effect.seeds), "seed")
    return f"{seeds}, {counted(effect.images, 'image')}" if effect.images else seeds


def _left_out(effect):
    if not effect.left_out:
        return ""
    return f"; {counted(effect.left_out, 'image')} left out whose value is not finite"


def _but_diverged(axis, value):
    lost = {name: axis.diverged(name) for name in (value, axis.baseline)}
    said = [
        f"{numbered('seed', seeds)} of {name} diverged" for name, seeds in lost.items() if seeds
    ]
    return "".join(f"; {one}" for one in said)


def collapsed_sentences(axes):
    """Name the values of which runs ended, but far below the baseline: what never diverged."""
    found = [
        f"{axis.name} {value} ({len(seeds)} of {counted(len(axis.runs[value]), 'run')})"
        for axis in axes
        for value in axis.others
        if (seeds := axis.collapsed(value))
    ]
    if not found:
        return []
    return [
        f"Collapsed, which is to end more than {COLLAPSE:g} dB of PSNR below the baseline of their "
        f"seed: {listed(found)}."
    ]


def diverged_sentence(records):
    """Count and name the runs that diverged."""
    lost = [record for record in records if record.status == "diverged"]
    if not lost:
        return f"None of {counted(len(records), 'run')} diverged."
    names = listed(run_name(record) for record in lost)
    return (
        f"{len(lost)} of {counted(len(records), 'run')} diverged: {names}. They count in no mean, "
        "and every value that has such a run says so."
    )


def axis_sentences(axis):
    """State what each of an axis's values does by the main measure."""
    if axis.baseline is None:
        return [
            f"{axis.name} has not exactly one value that is marked as its baseline, so its values "
            f"({listed(axis.runs)}) are not compared."
        ]
    if not axis.others:
        return [f"{axis.name} has its baseline {axis.baseline} only; there is nothing to compare."]
    said = [effect_sentence(axis, value, axis.main) for value in axis.others]
    return [*said, *([_ALSO[axis.name]] if axis.name in _ALSO else [])]


def setting(task, budget, test):
    """State what is the same in all runs of an axis."""
    return f"{_TASKS.get(task, task)}, budget {budget}, tested on {test}"


def contribution_sentence(contribution):
    """State how far the two values of an axis lie apart that differ most."""
    axis, effect = contribution.axis, contribution.effect
    size = with_unit(plain(effect.difference, axis.main.digits), axis.main.unit)
    said = f"{axis.name}: {size} between {contribution.best} (better) and {contribution.worst}"
    if effect.low is None:
        return f"{said}; {ONE_SEED}."
    bounds = f"95 % interval {interval(effect, axis.main)}"
    if not effect.is_difference:
        return (
            f"{axis.name}: {NO_DIFFERENCE} between any two of its values ({bounds} of the widest)."
        )
    return f"{said} ({bounds}){_both_reached(contribution)}."


def _both_reached(contribution):
    """Write the PSNR and rate of both values, as JPEG of equal bytes changes with the rate."""
    axis, values = contribution.axis, (contribution.best, contribution.worst)
    psnr, rate = (
        [axis.level(value, MEASURES[name]) for value in values]
        for name in ("psnr", "bits_per_pixel")
    )
    if None in (*psnr, *rate):
        return ""
    return (
        f"; {plain(psnr[0])} dB at {plain(rate[0])} bits a pixel against {plain(psnr[1])} dB at "
        f"{plain(rate[1])}"
    )


def ranking_sentence(contributions):
    """State which axis contributes most."""
    sure = [one for one in contributions if one.effect.is_difference]
    if not contributions:
        return "No axis has two values to compare yet."
    if not sure:
        return "Along none of the axes do two values differ by more than their interval."
    first = sure[0]
    size = with_unit(plain(first.effect.difference, first.axis.main.digits), first.axis.main.unit)
    return (
        f"Most is won or lost by {first.axis.name} ({size} of {first.axis.main.label} between "
        f"{first.best} and {first.worst}); two values differ in {len(sure)} of "
        f"{_axes(len(contributions))}."
    )


def _axes(count):
    return f"{count} {'axis' if count == 1 else 'axes'}"


def baseline_sentence(axis):
    """State what all of the axes' baseline is and how it was trained."""
    trial = next(iter(axis.runs[axis.baseline].values())).trial
    return (
        f"The baseline is {name_of(trial.model)} ({networks.settings(trial.model)}), trained by "
        f"{networks.training(trial.options)}."
    )


def gains_sentence(axes):
    """State what each axis's best value gains over the baseline; "" without axes."""
    said, none, rated = [], [], False
    for axis, value in best_gains(axes):
        if value is None:
            none.append(axis.name)
            continue
        gain = axis.effects[value, axis.main.name].difference
        rate = axis.level(value, MEASURES["bits_per_pixel"])
        rated |= rate is not None
        at = "" if rate is None else f" ({plain(rate)})"
        said.append(f"{axis.name} {value} {signed(gain, axis.main.digits)}{at}")
    found = []
    if said:
        unit = f"{axes[0].main.unit}{'; in brackets the bits a pixel' if rated else ''}"
        found.append(
            f"What the best value of each axis gains over the baseline in {axes[0].main.label} "
            f"({unit}): {listed(said)}."
        )
    if none:
        found.append(f"No value is surely better than the baseline along {listed(none)}.")
    return " ".join(found)


def alike_sentences(contributions):
    """State which axis contributes most at about equal rates, if that is not the first of all."""
    sure = [one for one in contributions if one.effect.is_difference]
    alike = [one for one in sure if one.rates_are_alike]
    if not alike or alike[0] is sure[0]:
        return []
    first, most = sure[0], alike[0]
    size = with_unit(plain(most.effect.difference, most.axis.main.digits), most.axis.main.unit)
    return [
        f"The values of {first.axis.name} differ in their rates, and so in the JPEG that they are "
        "compared with. Of axes whose two values write about as many bits (within "
        f"{100 * ALIKE:g} %), most is won or lost by {most.axis.name} ({size} between {most.best} "
        f"and {most.worst})."
    ]


def jpeg_sentence(against):
    """State what a rung's bytes are against JPEG's, behind its `rung_sentence`."""
    if against.percent is None:
        return f"Its bytes are not compared with JPEG's: {against.reason}."
    if against.low == against.high:
        place = f"at its {against.low:.2f} dB"
    else:
        place = f"between {against.low:.2f} and {against.high:.2f} dB"
    also = f" ({against.reason})" if against.reason else ""
    return f"It needs {percent(against.percent)} than JPEG {place}{also}."


def codecs_sentence(name, percents):
    """State how a rung's bits compare with other codecs' at equal PSNR; "" without comparison."""
    fewer, more = (
        [
            f"{codec} ({signed(percent, 1)} %)"
            for codec, percent in sorted(percents.items(), key=lambda one: one[1])
            if (percent < 0) is is_fewer
        ]
        for is_fewer in (True, False)
    )
    parts = [
        f"{word} bits than {listed(some)}"
        for word, some in (("fewer", fewer), ("more", more))
        if some
    ]
    if not parts:
        return ""
    return f"At equal PSNR (BD-rate) {name} needs {' and '.join(parts)}."


def floor_sentence(rung):
    """State where JPEG cannot be as small; "" if it always can."""
    sizes = [(one.jpeg_bytes, one.file_bytes) for one in rung.record.held_out]
    above = sum(jpeg > own for jpeg, own in sizes if None not in (jpeg, own))
    if not above:
        return ""
    return (
        f"In {above} of {counted(len(sizes), 'file')} JPEG's lowest quality is larger, and is what "
        "is compared with."
    )


def rung_sentence(rung):
    """State how a rung's images compare with JPEG's of equal bytes."""
    if not rung.points:
        return f"{rung.name} diverged; there is nothing to show of it."
    gains = [point.psnr - point.jpeg_psnr for point in rung.points]
    than = "JPEG of equal bytes" if rung.task == "autoencode" else "the JPEG it was given"
    if len(gains) == 1 or math.isclose(min(gains), max(gains), abs_tol=0.005):
        size = f"{signed(gains[0])} dB"
    else:
        size = f"{signed(min(gains))} to {signed(max(gains))} dB"
    images = counted(rung.points[0].images, "image")
    return f"{rung.name}: {size} of PSNR against {than}, mean of {images}."


def anchor_sentence(test, curves, images):
    """State which curves of other codecs a plot has, and whether they are of as many images."""
    if not curves:
        return (
            f"The classical codecs were not measured on {test}: there are no curves of theirs and "
            "no comparison with JPEG's bytes."
        )
    counts = {point.images for points in curves.values() for point in points}
    dashed = [name for name in curves if name in PUBLISHED.values()]
    solid = [name for name in curves if name not in dashed]
    said = f"In grey: {listed(solid)}, means over {listed(sorted(counts))} images of {test}."
    if dashed:
        said += f" Dashed: {listed(dashed)}, learned codecs as they were published."
    if counts != set(images):
        said += (
            f" The runs' means are over {listed(sorted(images))}, so that the curves are not of "
            "the same images: compare with care."
        )
    return said


def no_front_sentence(test, task):
    """State why there is no front."""
    return f"There is only one run of {task} tested on {test}, so nothing to weigh against it."


def front_sentence(cost, best, cheapest, names):
    """State what lies at both ends of a front; `names` has each point's run, once a rate."""
    count, runs = len(names), len(set(names))
    among = f"{runs} runs" if count == runs else f"{count} points of {runs} runs"
    if best == cheapest:
        return f"{best} is best and cheapest by {cost}; no other of {among} is on the front."
    return f"By {cost} the front goes from {cheapest} (least) to {best} (best), of {among}."


def counts_sentence(records):
    """State how many runs there are, of what; one network may be in several axes and test sets."""
    rungs = sum(record.kind == "rung" for record in records)
    axes = {record.trial.axis for record in records if record.kind == "ablation"}
    seeds = {record.trial.seed for record in records}
    return (
        f"{counted(len(records), 'run')} of {counted(trained_networks(records), 'trained network')}"
        f": {counted(rungs, 'rung')} of the ladder and "
        f"{counted(len(records) - rungs, 'ablation')} along {_axes(len(axes))}, with "
        f"{counted(len(seeds), 'seed')}."
    )


def faults_sentence(faults):
    """State how many things were left out."""
    if not faults:
        return "Nothing was left out."
    return f"{len(faults)} left out:" if len(faults) > 1 else "One thing was left out:"
