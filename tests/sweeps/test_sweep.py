"""A sweep runs what is not recorded yet, each work once, and refuses records of other images."""

from dataclasses import replace

import pytest
from sweep_builders import material, trial

from experiments.sweeps import records
from experiments.sweeps.plan import plan
from experiments.sweeps.running import run_trial
from experiments.sweeps.sweep import recorded, sweep
from experiments.system.errors import RunError

IMAGES = material()
TRIALS = plan(("schedule", "activation", "norm"), "tiny", 2, IMAGES)


@pytest.fixture(scope="module")
def record():
    """One that others are made of."""
    return run_trial(trial(IMAGES, steps=1), IMAGES)


class Worker:
    """Counts what it is given to run, and stops after so many."""

    def __init__(self, record, most=99):
        self.record, self.most, self.ran = record, most, []

    def __call__(self, trials, material):
        for number, each in enumerate(trials):
            if number == self.most:
                raise KeyboardInterrupt
            self.ran.append(each)
            yield each, replace(self.record, seconds=1.0 + number)


def run(path, record, most=99):
    worker = Worker(record, most)
    try:
        ended = list(sweep(TRIALS, path, recorded(path, IMAGES), IMAGES, worker))
    except KeyboardInterrupt:
        ended = None
    return worker.ran, ended


def test_axes_share_the_run_of_their_baseline(tmp_path, record):
    ran, ended = run(tmp_path / "r.jsonl", record)
    assert len(TRIALS) == 12 and len(ran) == 8
    found, faults = records.read(tmp_path / "r.jsonl")
    assert not faults
    assert {record.identity for record in found} == {trial.identity for trial in TRIALS}
    assert [record for _, record in ended] == found
    assert all(record.trial == trial for trial, record in ended)
    seconds = {record.seconds for trial, record in ended if trial.baseline}
    assert len(seconds) == 2  # one a seed


def test_a_sweep_that_goes_on_runs_the_rest_and_no_baseline_again(tmp_path, record):
    path = tmp_path / "r.jsonl"
    ran, ended = run(path, record, most=3)
    assert ended is None and len(ran) == 3
    others, _ = run(path, record)
    assert len(others) == 5 and not {each.work for each in others} & {each.work for each in ran}
    assert len(path.read_text().splitlines()) == len(TRIALS)
    assert run(path, record) == ([], [])


def test_a_kill_between_two_records_of_one_work_loses_none(tmp_path, record):
    path = tmp_path / "r.jsonl"
    run(path, record)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:2]) + lines[2][:50])
    ran, ended = run(path, record)
    # What was written second of the baseline is lost with nothing but its line.
    assert TRIALS[0].work not in {each.work for each in ran}
    assert len(ended) == len(TRIALS) - 2
    assert len(path.read_text().splitlines()) == len(TRIALS)


def test_records_of_other_images_under_the_same_names_are_refused(tmp_path, record):
    path = tmp_path / "r.jsonl"
    run(path, record)
    with pytest.raises(RunError) as error:
        recorded(path, material(train=2))
    assert str(error.value) == (
        f"{path}: the sets these and those have other images now than those that its records "
        "are of; choose another --records"
    )


def test_a_damaged_file_of_records_is_named(tmp_path, record):
    path = tmp_path / "r.jsonl"
    for text, sentence in (
        ("{}\n", f"{path}, line 1: is of format None, not 1; take that line out, or choose"),
        ("what\n", f"{path}: line 1 is not JSON: "),
    ):
        path.write_text(text)
        with pytest.raises(RunError) as error:
            recorded(path, IMAGES)
        assert str(error.value).startswith(sentence)
    with pytest.raises(RunError) as error:
        recorded(tmp_path, IMAGES)
    assert str(error.value) == f"{tmp_path}: is a folder, not a file of records"
