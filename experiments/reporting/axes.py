"""Ablations by axis: which runs are compared with which, what differs, and which axis matters."""

import re
from dataclasses import dataclass, field, replace
from itertools import combinations

from experiments.reporting.effects import Effect, effect, finished
from experiments.reporting.measures import MEASURES, level, main_measure, steps_to

COLLAPSE = 5.0  # dB of PSNR
ALIKE = 0.25  # rates that differ by no more than this share are compared as alike
_NUMBER = re.compile(r"\d+(\.\d+)?").fullmatch


@dataclass(frozen=True)
class Axis:
    """One choice with other things equal: task, budget and test set.

    Attributes
    ----------
    name, task, budget, test : str
    baseline : str or None
        The value that the others are compared with; None if there is not exactly one.
    runs : dict of str to dict of int to Record
        By value, then by seed; diverged ones too.
    measures : list of Measure
    effects : dict of (str, str) to Effect
        By value and name of measure.
    """

    name: str
    task: str
    budget: str
    test: str
    baseline: str | None
    runs: dict
    measures: list = field(default_factory=list)
    effects: dict = field(default_factory=dict)

    @property
    def main(self):
        """The measure that decides."""
        return main_measure(self.task)

    @property
    def others(self):
        """The values that are compared with the baseline."""
        return [value for value in self.runs if value != self.baseline]

    def diverged(self, value):
        """List the seeds of a value's runs that diverged."""
        return sorted(self.runs[value].keys() - finished(self.runs[value]).keys())

    def collapsed(self, value):
        """List the seeds whose run ended more than `COLLAPSE` dB of PSNR below the baseline's."""
        psnr, own, base = MEASURES["psnr"], self.runs[value], self.runs.get(self.baseline, {})
        reached = {
            seed: (level(own[seed], psnr), level(base[seed], psnr))
            for seed in finished(own).keys() & finished(base).keys()
        }
        return sorted(
            seed
            for seed, (mine, theirs) in reached.items()
            if None not in (mine, theirs) and mine < theirs - COLLAPSE
        )

    def level(self, value, measure):
        """Average a measure over a value's finished runs; None if one of them has none."""
        known = [level(run, measure) for run in finished(self.runs[value]).values()]
        return None if not known or None in known else sum(known) / len(known)


@dataclass(frozen=True)
class Contribution:
    """The contribution of an axis by the main measure: the widest difference between two values.

    Of those that are differences, if there is any: the mean of a value that wavers from seed to
    seed can be the best or the worst by chance.
    """

    axis: Axis
    best: str
    worst: str
    effect: Effect

    @property
    def rates_are_alike(self):
        """Whether both values write files, and about as many bits a pixel."""
        rates = [
            self.axis.level(one, MEASURES["bits_per_pixel"]) for one in (self.best, self.worst)
        ]
        return None not in rates and max(rates) <= (1 + ALIKE) * min(rates)


def study(records):
    """Compare the values of every axis.

    Returns
    -------
    axes : list of Axis
        As they come in the records.
    faults : list of str
        A sentence for each run that is not used.
    """
    groups, faults = {}, []
    for record in records:
        trial = record.trial
        if record.kind != "ablation":
            continue
        key = trial.axis, trial.task, trial.budget, test_set(record)
        runs = groups.setdefault(key, {}).setdefault(trial.value, {})
        if trial.seed in runs:
            faults.append(
                f"{run_name(record)}: there are two different trials of this name; "
                "the first one is shown"
            )
        runs.setdefault(trial.seed, record)
    return [_axis(key, runs) for key, runs in groups.items()], faults


def _axis(key, runs):
    flagged = [
        value
        for value, by_seed in runs.items()
        if any(record.trial.baseline for record in by_seed.values())
    ]
    baseline = flagged[0] if len(flagged) == 1 else None
    axis = Axis(*key, baseline, runs)
    if baseline is None:
        return axis
    axis.measures.extend(_measures(runs))
    for value in axis.others:
        for measure in axis.measures:
            found = effect(runs[value], runs[baseline], measure)
            if found is not None:
                axis.effects[value, measure.name] = found
    return axis


def _measures(runs):
    """List the measures, with the highest quality that all runs reached as the one to reach."""
    all_ = [run for by_seed in runs.values() for run in finished(by_seed).values()]
    reached = [set(filter(_NUMBER, run.steps_to)) for run in all_]
    common = set.intersection(*reached) if reached else set()
    found = list(MEASURES.values())
    if common:
        found.insert(-1, steps_to(max(common, key=float)))
    return found


def rankings(axes):
    """Order axes by the spread between their best and worst value, the widest first.

    Returns
    -------
    dict of (str, str, str) to list of Contribution
        By task, budget and test set, since spreads compare within those only; most axes first.
    """
    groups = {}
    for axis in axes:
        found = _contribution(axis)
        if found is not None:
            groups.setdefault((axis.task, axis.budget, axis.test), []).append(found)
    ordered = sorted(groups.items(), key=lambda group: -len(group[1]))
    return {key: sorted(found, key=lambda one: -one.effect.difference) for key, found in ordered}


def _contribution(axis):
    spread = {
        value: axis.effects[value, axis.main.name].difference
        for value in axis.others
        if (value, axis.main.name) in axis.effects
    }
    if not spread:
        return None
    spread[axis.baseline] = 0.0
    pairs = sorted(
        combinations(spread, 2), key=lambda pair: -abs(spread[pair[0]] - spread[pair[1]])
    )
    found = [_between(axis, *sorted(pair, key=spread.get)) for pair in pairs]
    found = [one for one in found if one is not None]
    sure = [one for one in found if one.effect.is_difference]
    return next(iter(sure + found), None)


def _between(axis, worse, better):
    found = effect(axis.runs[better], axis.runs[worse], axis.main)
    return None if found is None else Contribution(axis, better, worse, found)


def trained_networks(records):
    """Count what was trained: an axis's baseline may be another's too, and be tested on any set."""
    trials = [record.trial for record in records]
    return len(
        {
            (trial.task, trial.seed, trial.model, trial.options, replace(trial.data, test=""))
            for trial in trials
        }
    )


def best_gains(axes):
    """Find each axis's value that gains most over the baseline, if one surely does.

    Returns
    -------
    list of (Axis, str or None)
        By falling gain; None where no value is surely better than the baseline.
    """

    def gain(axis, value):
        found = axis.effects.get((value, axis.main.name))
        return found.difference if found is not None and found.is_difference else 0.0

    found = []
    for axis in axes:
        best = max(axis.others, key=lambda value: gain(axis, value), default=None)
        found.append((axis, best if best is not None and gain(axis, best) > 0 else None))
    return sorted(found, key=lambda one: -gain(*one))


def test_set(record):
    """Name the set that a record's held-out images are of, or of which they are a part."""
    data = record.trial.data
    return f"held-out scenes of {data.test}" if data.train == data.test else data.test


def setting_name(record):
    """Name what a run's seeds share: "activation relu", or the rung."""
    trial = record.trial
    return trial.axis if record.kind == "rung" else f"{trial.axis} {trial.value}"


def run_name(record):
    """Name a run as people do: "activation relu, seed 1"."""
    name = setting_name(record)
    return name if record.kind == "rung" else f"{name}, seed {record.trial.seed}"
