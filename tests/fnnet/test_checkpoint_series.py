"""A run's checkpoints survive full disks and kills at any moment."""

import json
import random
import subprocess
import sys
import warnings

import jax.numpy as jnp
import numpy as np
import pytest
from checkpoint_builders import (
    ROOT,
    assert_same_bits,
    fail_at,
    leftovers,
    names_in,
    posix,
    refusal,
    small_tree,
)

from fnnet import checkpoint_series

# A run's folder


def test_the_two_newest_are_kept(tmp_path):
    for step in (0, 5, 90, 100):
        path = checkpoint_series.save_step(tmp_path, step, small_tree(step))
        assert path == tmp_path / f"checkpoint-{step:08d}.safetensors"
        assert checkpoint_series.newest_step(tmp_path) == step
    assert names_in(tmp_path) == [
        "checkpoint-00000090.safetensors",
        "checkpoint-00000100.safetensors",
    ]
    tree, _, step = checkpoint_series.restore_newest(tmp_path, small_tree())
    assert step == 100
    assert_same_bits(tree, small_tree(100))


def test_steps_of_nine_digits_are_counted_as_numbers(tmp_path):
    for step in (99_999_998, 99_999_999, 100_000_000):
        checkpoint_series.save_step(tmp_path, step, {})
    assert checkpoint_series.newest_step(tmp_path) == 100_000_000
    assert names_in(tmp_path) == [
        "checkpoint-100000000.safetensors",
        "checkpoint-99999999.safetensors",
    ]


def test_a_failed_save_deletes_no_older_one(tmp_path, monkeypatch):
    for step in (1, 2):
        checkpoint_series.save_step(tmp_path, step, {})
    fail_at(monkeypatch, "replace", OSError(28, "No space left on device"))
    refusal(checkpoint_series.save_step, tmp_path, 3, {})
    assert names_in(tmp_path) == [
        "checkpoint-00000001.safetensors",
        "checkpoint-00000002.safetensors",
    ]


def test_a_run_that_went_back_keeps_what_it_saves(tmp_path):
    for step in (100, 190, 200):
        checkpoint_series.save_step(tmp_path, step, {})
    assert checkpoint_series.save_step(tmp_path, 110, {}).exists()
    assert checkpoint_series.save_step(tmp_path, 120, {}).exists()
    assert names_in(tmp_path) == [
        f"checkpoint-00000{step}.safetensors" for step in (110, 120, 190, 200)
    ]


def test_what_a_killed_save_left_is_removed_and_never_read(tmp_path):
    others = ["config.json.tmp", "checkpoint-7.safetensors", "checkpoint-000000009.safetensors"]
    for name in ["checkpoint-00000009.safetensors.tmp", *others]:
        (tmp_path / name).write_text("a piece")
    assert checkpoint_series.newest_step(tmp_path) is None
    checkpoint_series.save_step(tmp_path, 3, {})
    assert names_in(tmp_path) == sorted(["checkpoint-00000003.safetensors", *others])
    assert checkpoint_series.restore_newest(tmp_path, {}) == ({}, None, 3)


def test_what_cannot_be_removed_is_a_warning(tmp_path):
    for step in (2, 1):
        checkpoint_series.save_step(tmp_path, step, {})
    stubborn = tmp_path / "checkpoint-00000000.safetensors"
    stubborn.mkdir()
    with pytest.warns(UserWarning) as caught:
        checkpoint_series.save_step(tmp_path, 3, {})
    (message,) = [str(warning.message) for warning in caught]
    assert message.startswith(f"{stubborn}: could not be removed: ")


def test_a_damaged_newest_is_passed_over_with_a_warning(tmp_path):
    for step in (1, 2):
        checkpoint_series.save_step(tmp_path, step, small_tree(step), {"at": step})
    newest = tmp_path / "checkpoint-00000002.safetensors"
    body = bytearray(newest.read_bytes())
    body[-1] ^= 1
    newest.write_bytes(body)
    with pytest.warns(UserWarning) as caught:
        tree, config, step = checkpoint_series.restore_newest(tmp_path, small_tree())
    assert [str(warning.message) for warning in caught] == [
        f"{newest}: damaged: its contents do not match its digest; step 1 is used instead"
    ]
    assert caught[0].filename == __file__
    assert (config, step) == ({"at": 1}, 1)
    assert_same_bits(tree, small_tree(1))


def test_no_usable_checkpoint_is_an_error(tmp_path):
    for folder in (tmp_path, tmp_path / "absent"):
        assert checkpoint_series.newest_step(folder) is None
        assert (
            refusal(checkpoint_series.restore_newest, folder, {})
            == f"{folder}: holds no checkpoint"
        )
    for step in (1, 2):
        (tmp_path / f"checkpoint-0000000{step}.safetensors").write_bytes(bytes(step))
    assert refusal(checkpoint_series.restore_newest, tmp_path, {}) == (
        f"{tmp_path}: no checkpoint can be read: "
        f"{tmp_path}/checkpoint-00000002.safetensors: 2 bytes are too few for a checkpoint; "
        f"{tmp_path}/checkpoint-00000001.safetensors: 1 bytes are too few for a checkpoint"
    )
    file = tmp_path / "checkpoint-00000001.safetensors"
    assert refusal(checkpoint_series.restore_newest, file, {}) == (
        f"{file}: could not be read: Not a directory"
    )


def test_a_sound_checkpoint_of_another_model_is_an_error_at_once(tmp_path):
    checkpoint_series.save_step(tmp_path, 1, {"x": np.zeros(3, np.float32)})
    checkpoint_series.save_step(tmp_path, 2, {"x": np.zeros(4, np.float32)})
    like = {"x": np.zeros(3, np.float32)}
    assert refusal(checkpoint_series.restore_newest, tmp_path, like) == (
        f"{tmp_path}/checkpoint-00000002.safetensors: x: file (4,), model (3,)"
    )


def test_steps_that_are_not_counts_are_refused(tmp_path):
    assert refusal(checkpoint_series.save_step, tmp_path, -1, {}) == (
        f"{tmp_path}: step=-1 must be at least 0"
    )
    with pytest.raises(TypeError):
        checkpoint_series.save_step(tmp_path, 1.0, {})
    assert checkpoint_series.save_step(tmp_path, jnp.asarray(4), {}).name == (
        "checkpoint-00000004.safetensors"
    )


# Full disks: the limit on the size of a file stands for them

FULL_DISK = """
import json, os, resource, sys
from pathlib import Path
import numpy as np
from fnnet import checkpoint, checkpoint_series

folder = Path(sys.argv[1])
old = folder / "checkpoint-00000001.safetensors"
new = folder / "checkpoint-00000002.safetensors"
tree = {"x": np.arange(20_000, dtype=np.uint16)}
checkpoint.save(old, {"x": np.zeros(3)})
before, results = old.read_bytes(), []
for limit in range(0, 44 * 1024, 1024):
    for call in (
        lambda: checkpoint.save(old, tree),
        lambda: checkpoint_series.save_step(folder, 2, tree),
    ):
        sentence = None
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        try:
            call()
        except checkpoint.CheckpointError as error:
            sentence = str(error)
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        results.append([limit, sentence, old.read_bytes() == before, sorted(os.listdir(folder))])
        new.unlink(missing_ok=True)
        if old.read_bytes() != before:
            old.write_bytes(before)
print(json.dumps(results))
"""


@posix
def test_a_full_disk_at_every_kilobyte_loses_nothing(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, tmp_path],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    old, new = (tmp_path / f"checkpoint-0000000{step}.safetensors" for step in (1, 2))
    results = json.loads(done.stdout)
    over, step = results[0::2], results[1::2]
    assert [limit for limit, *_ in over] == list(range(0, 44 * 1024, 1024))
    for limit, sentence, unchanged, names in over:
        full = limit <= 40_000
        unchanged_sentence = "; the file that was there is unchanged"
        expected = f"{old}: could not be saved: File too large{unchanged_sentence}"
        assert (sentence, unchanged, names) == (expected if full else None, full, [old.name])
    for limit, sentence, unchanged, names in step:
        full = limit <= 40_000
        expected = f"{new}: could not be saved: File too large" if full else None
        assert (sentence, unchanged) == (expected, True)
        assert names == ([old.name] if full else [old.name, new.name])


# Kills

# Importing takes a second, forking a millisecond: one process hands out children, one a line of
# orders, and tells their numbers. They hold NumPy arrays only, so no threads are forked.
NURSERY = """
import itertools, json, os, resource, signal, sys, time
import numpy as np
from fnnet import checkpoint_series

def deadly(function, when):
    original = getattr(os, function)
    def call(*args, **kwargs):
        if when == "after":
            original(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)
    setattr(os, function, call)

def die_in_the_middle_of_writing():
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

def save_for_ever(folder, first, death):
    if death == "in write":
        die_in_the_middle_of_writing()
    elif death:
        deadly(*death.split())
    for step in itertools.count(first):
        tree = {"params": {"kernel": np.full((300, 300), step, np.float32)}, "step": np.int32(step)}
        checkpoint_series.save_step(folder, step, tree, {"at": step})
        os.write(1, b"saved %d\\n" % step)

for order in sys.stdin:
    first, death, seconds = json.loads(order)
    child = os.fork()
    if child == 0:
        save_for_ever(sys.argv[1], first, death)
    if seconds is not None:
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    print("dead", flush=True)
"""


def kernel_tree(step):
    """Return the tree that the nursery's children save, too large for one write to the disk."""
    return {"params": {"kernel": np.full((300, 300), step, np.float32)}, "step": np.int32(step)}


class Nursery:
    """Children that save in a loop until they are killed."""

    def __init__(self, folder):
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", NURSERY, folder],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()

    def kill(self, first, *, death=None, seconds=None):
        """Start a child at a step and give back the last step it saved before it died."""
        self.process.stdin.write(json.dumps([first, death, seconds]) + "\n")
        self.process.stdin.flush()
        last = None
        for line in self.process.stdout:
            word, *number = line.split()
            if word == "saved":
                last = int(number[0])
            elif word == "dead":
                return last
        raise AssertionError("the nursery ended")


def restored_step(folder):
    """Restore without a warning, see that all contents are of one step, and say which."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tree, config, step = checkpoint_series.restore_newest(folder, kernel_tree(0))
    assert (np.asarray(tree["params"]["kernel"]) == step).all()
    assert (int(tree["step"]), config) == (step, {"at": step})
    return step


def kill_often(folder, times):
    """Kill savers at random moments; count the deaths within a write."""
    rng, step, torn = random.Random(0), 0, 0
    with Nursery(folder) as nursery:
        nursery.kill(0, death="fsync after")  # dies in the first save: nothing is there
        assert checkpoint_series.newest_step(folder) is None
        checkpoint_series.save_step(folder, 0, kernel_tree(0), {"at": 0})
        for _ in range(times):
            before = restored_step(folder)
            last = nursery.kill(before + 1, seconds=rng.uniform(0, 0.03))
            step = restored_step(folder)
            # Nothing is lost but the save that was under way.
            assert step in ([last, last + 1] if last is not None else [before, before + 1])
            assert len(leftovers(folder)) <= 1
            torn += len(leftovers(folder))
    checkpoint_series.save_step(folder, step + 1, {})
    names = [f"checkpoint-{kept:08d}.safetensors" for kept in (step, step + 1)]
    assert names_in(folder) == names  # whatever the dead had no time to remove
    return torn


@posix
def test_kills_at_random_moments_lose_nothing(tmp_path):
    kill_often(tmp_path, 20)


@posix
@pytest.mark.slow
def test_a_hundred_kills_lose_nothing(tmp_path):
    assert kill_often(tmp_path, 100) > 5  # or the kills have missed what they are for


@posix
def test_a_kill_at_each_stage_leaves_the_old_or_the_new(tmp_path):
    stages = {  # the step that is found afterwards, and whether a piece is left
        "in write": (5, True),
        "fsync before": (5, True),
        "fsync after": (5, True),
        "replace before": (5, True),
        "replace after": (6, False),
    }
    with Nursery(tmp_path) as nursery:
        for death, (found, piece) in stages.items():
            for step in (4, 5):
                checkpoint_series.save_step(tmp_path, step, kernel_tree(step), {"at": step})
            assert nursery.kill(6, death=death) is None
            assert restored_step(tmp_path) == found, death
            assert bool(leftovers(tmp_path)) == piece, death
            checkpoint_series.save_step(tmp_path, 7, {})
            assert not leftovers(tmp_path)
            for path in tmp_path.iterdir():
                path.unlink()
