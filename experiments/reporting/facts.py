"""Facts of the findings beyond the page: the best rung, what beats JPEG, what is unstable."""

import math
from dataclasses import dataclass, replace

import numpy as np

from experiments.reporting.axes import setting_name, test_set
from experiments.reporting.effects import Effect, effect
from experiments.reporting.ladder import AgainstJpeg, Rung, against_jpeg
from experiments.reporting.measures import MEASURES, advantage, level, main_measure
from experiments.reporting.scales import drawable

SMALL_SET = "live1"


@dataclass(frozen=True)
class BestRung:
    """The rung of a test set that needs the fewest bytes against JPEG, of `among` compared ones."""

    rung: Rung
    against: AgainstJpeg
    among: int


def best_rung(rungs, jpeg):
    """Find the rung with the lowest bytes against JPEG's; None if none is compared."""
    compared = [(rung, against_jpeg(rung.coded, jpeg)) for rung in rungs if rung.coded]
    compared = [(rung, against) for rung, against in compared if against.percent is not None]
    if not compared:
        return None
    return BestRung(*min(compared, key=lambda one: one[1].percent), len(compared))


@dataclass(frozen=True)
class Losses:
    """Images and rates at which a rung is worse than JPEG: their number, and the worst of all."""

    count: int
    among: int
    worst: str
    advantage: float


def losses(rung):
    """Count where a rung's images are worse than JPEG's; None without a finite value."""
    found = [(advantage(one), one.name) for one in rung.record.held_out]
    found = [one for one in found if math.isfinite(one[0])]
    if not found:
        return None
    least, name = min(found)
    return Losses(sum(value < 0 for value, _ in found), len(found), name, least)


def better_than_jpeg(records):
    """Name what is better than JPEG of equal bytes, on average over its seeds and images.

    Returns
    -------
    dict of str to (list of str, int)
        By test set, the names, and how many there are to compare.
    """
    groups = {}
    for record in records:
        if record.trial.task == "autoencode":
            same = groups.setdefault(test_set(record), {})
            same.setdefault(setting_name(record), []).append(record)
    found = {}
    for test, runs in groups.items():
        means = {name: outcome(some, MEASURES["advantage"]) for name, some in runs.items()}
        known = {name: mean for name, mean in means.items() if mean is not None}
        found[test] = [name for name, mean in known.items() if mean.mean > 0], len(known)
    return found


def widest_gap(axes):
    """Find what widens the gap to training images most.

    Returns
    -------
    found : tuple of (Axis, str) or None
        The axis and its value whose gap is most above its baseline's, if that is a difference.
    count : int
        How many values were compared.
    """
    gaps = [
        (found, axis, value)
        for axis in axes
        for value in axis.others
        if (found := axis.effects.get((value, "gap"))) is not None
    ]
    sure = [one for one in gaps if one[0].is_difference and one[0].difference > 0]
    if not sure:
        return None, len(gaps)
    return max(sure, key=lambda one: one[0].difference)[1:], len(gaps)


@dataclass(frozen=True)
class Steadiness:
    """Stability of the trainings of one value: means and extremes over its seeds.

    `spikes` is in 1,000 steps.
    """

    name: str
    runs: int
    diverged: int
    spikes: float
    loss_ratio: float | None
    skipped: int
    gradient_norm: float | None
    highest_norm: float | None

    @property
    def is_steady(self):
        """Whether nothing went wrong."""
        return not (self.diverged or self.spikes or self.skipped)


def steadiness(records):
    """Summarise the stability of each value's trainings, the least stable first.

    A training that was tested on several sets counts once.
    """
    groups, sets = {}, {}
    for record in records:
        trial = record.trial
        name, train = setting_name(record), trial.data.train
        sets.setdefault(name, set()).add(train)
        key = name, trial.task, trial.budget, train
        groups.setdefault(key, {}).setdefault(trial.seed, record)
    found = [
        _steadiness(name if len(sets[name]) == 1 else f"{name} on {train}", list(runs.values()))
        for (name, *_, train), runs in groups.items()
    ]
    return sorted(found, key=lambda one: (-one.diverged, -one.spikes, -one.skipped))


def _steadiness(name, runs):
    stability = [run.stability for run in runs]
    ratios = filter(drawable, (each.largest_loss_ratio for each in stability))
    norms = list(filter(drawable, (each.gradient_norm_median for each in stability)))
    highest = filter(drawable, (each.gradient_norm_highest for each in stability))
    return Steadiness(
        name,
        len(runs),
        sum(run.status == "diverged" for run in runs),
        float(np.mean([1000 * run.stability.spikes / max(run.steps, 1) for run in runs])),
        max(ratios, default=None),
        sum(each.skipped_steps for each in stability),
        float(np.mean(norms)) if norms else None,
        max(highest, default=None),
    )


@dataclass(frozen=True)
class Outcome:
    """A measure of a task's runs on a test set: its mean over seeds, and its range."""

    mean: float
    low: float
    high: float
    seeds: int


def outcome(runs, measure):
    """Average a measure of runs over their seeds; None if one of them has none."""
    values = [level(run, measure) for run in runs if run.status == "finished"]
    if not values or None in values:
        return None
    return Outcome(float(np.mean(values)), min(values), max(values), len(values))


def task_runs(records, task):
    """Pick the runs of a task along the axis of tasks, by test set."""
    found = {}
    for record in records:
        trial = record.trial
        if record.kind == "ablation" and trial.axis == "task" and trial.task == task:
            found.setdefault((trial.budget, test_set(record)), []).append(record)
    return found


@dataclass(frozen=True)
class TrainingSets:
    """One network trained on the small set and on another one, tested on the same images."""

    name: str
    test: str
    measure: object
    other: str
    small_runs: dict
    other_runs: dict
    effect: Effect


def training_sets(records, small=SMALL_SET):
    """Pair what was trained on the small set with the same trained on others.

    Returns
    -------
    pairs : list of TrainingSets
        The effect is that of the other set against the small one.
    rest : list of Record
        The records without those of the small set that are in a pair.
    """
    groups = {}
    for record in records:
        trial = record.trial
        # The small set's own runs are tested on a part of it, where the others are on all.
        key = record.kind, trial.axis, trial.value, trial.task, trial.budget, trial.data.test
        sets = groups.setdefault(key, {})
        sets.setdefault(trial.data.train, {})[trial.seed] = record
    pairs, paired = [], set()
    for (kind, axis, value, task, _, test), sets in groups.items():
        for other in sorted(sets.keys() - {small}) if small in sets else ():
            measure, ours = main_measure(task), sets[small]
            theirs = _tested_on_the_same(sets[other], ours)
            found = effect(theirs, ours, measure)
            if found is not None:
                name = axis if kind == "rung" else f"{axis} {value}"
                if any(run.trial.baseline for run in ours.values()):
                    name = f"baseline, {task}"  # one network, whichever axis it is of
                if name not in {pair.name for pair in pairs if pair.test == test}:
                    pairs.append(TrainingSets(name, test, measure, other, ours, theirs, found))
                paired |= {record.identity for record in ours.values()}
    return pairs, [record for record in records if record.identity not in paired]


def _tested_on_the_same(runs, others):
    """Leave of runs' held-out images those that other ones were tested on too."""
    names = {image.name for run in others.values() for image in run.held_out}
    return {
        seed: replace(run, held_out=tuple(one for one in run.held_out if one.name in names))
        for seed, run in runs.items()
    }
