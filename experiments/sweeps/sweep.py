"""A sweep: run the trials that have no record yet, and record each."""

from dataclasses import replace
from pathlib import Path

from experiments.sweeps import records
from experiments.sweeps.running import run_trial
from experiments.system.errors import RunError


def recorded(path, material):
    """Read records by identity; raise RunError if one is damaged or images have changed."""
    path = Path(path)
    if path.is_dir():
        raise RunError(f"{path}: is a folder, not a file of records")
    if not path.exists():
        return {}
    there, faults = records.read(path)
    if faults:
        raise RunError(f"{faults[0]}; take that line out, or choose another --records")
    names = material.train_name, material.test_name
    for record in there:
        same_names = (record.trial.data.train, record.trial.data.test) == names
        if same_names and record.pictures != material.digest:
            raise RunError(
                f"{path}: the sets {names[0]} and {names[1]} have other images now than those "
                "that its records are of; choose another --records"
            )
    return {record.identity: record for record in there}


def one_by_one(trials, material):
    """Run trials here, one after another; yield each with its record."""
    for trial in trials:
        yield trial, run_trial(trial, material)


def sweep(trials, path, done, material, execute=one_by_one):
    """Run the trials that have no record; write and yield each record when its run ends.

    Trials that come to the same work, as baselines of several axes do, are run once. New records
    are added to `done`, which `recorded` returned. ``execute(trials, material)`` yields such pairs
    too, in any order.
    """
    by_work = {record.trial.work: record for record in done.values()}
    waiting = {}
    for trial in trials:
        if trial.identity not in done:
            waiting.setdefault(trial.work, []).append(trial)

    def write(trial, shared):
        record = replace(shared, kind=trial.kind, identity=trial.identity, trial=trial)
        records.append(path, record)
        done[trial.identity] = record
        return trial, record

    for work in [work for work in waiting if work in by_work]:
        for trial in waiting.pop(work):
            yield write(trial, by_work[work])
    for first, record in execute([group[0] for group in waiting.values()], material):
        for trial in waiting[first.work]:
            yield write(trial, record)
