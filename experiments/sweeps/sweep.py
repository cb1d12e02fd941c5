"""A sweep: which trials are left to do, and a record of each when it ends."""

from pathlib import Path

from experiments.sweeps import records
from experiments.sweeps.trials import run_trial, shared_record, work
from experiments.system.errors import RunError


def recorded(path, material):
    """Read the records that a file has, by their identity.

    Raises
    ------
    RunError
        If one is damaged, or is of sets with these names but other images.
    """
    path = Path(path)
    if path.is_dir():
        raise RunError(f"{path}: is a folder, not a file of records")
    if not path.exists():
        return {}
    found, faults = records.read(path)
    if faults:
        raise RunError(f"{faults[0]}; take that line out, or choose another --records")
    names = material.train_name, material.test_name
    for record in found:
        data = record["trial"]["data"]
        same_names = (data.get("train"), data.get("test")) == names
        if same_names and record["pictures"] != material.digest:
            raise RunError(
                f"{path}: the sets {names[0]} and {names[1]} have other images now than those "
                "that its records are of; choose another --records"
            )
    return {record["identity"]: record for record in found}


def one_by_one(trials, material):
    """Run trials here, one after another; give each with its record."""
    for trial in trials:
        yield trial, run_trial(trial, material)


def sweep(trials, path, done, material, execute=one_by_one):
    """Run what is not done yet, and write a record of each trial when its run ends.

    Trials that come to the same work, as baselines of several axes do, are run once.

    Parameters
    ----------
    trials : sequence of Trial
    path : Path
        The file of records.
    done : dict
        What `recorded` read of it; records that are made are added.
    material : Material
    execute : callable
        ``(trials, material) -> iterable of (trial, record)``, in any order.

    Yields
    ------
    (Trial, dict)
        Each trial, in the order in which they end, and its record, which is on disk.
    """
    by_work = {work(record["trial"]): record for record in done.values()}
    waiting = {}
    for trial in trials:
        if trial.identity not in done:
            waiting.setdefault(trial.work, []).append(trial)

    def write(trial, record):
        own = shared_record(record, trial)
        records.append(path, own)
        done[trial.identity] = own
        return trial, own

    for known in [digest for digest in waiting if digest in by_work]:
        for trial in waiting.pop(known):
            yield write(trial, by_work[known])
    for first, record in execute([group[0] for group in waiting.values()], material):
        for trial in waiting[first.work]:
            yield write(trial, record)
