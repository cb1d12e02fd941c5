"""Locks: one process at a time, until it ends, however it ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from refusals import refusal

from experiments.system import locks

ROOT = Path(__file__).parents[2]
posix = pytest.mark.skipif(os.name == "nt", reason="signals and special files are POSIX")

APPENDER = """
import sys, time
from experiments.system import locks
with open(sys.argv[1], "ab", buffering=0) as file, locks.exclusive(file):
    print("held", flush=True)
    sys.stdin.read()
    time.sleep(0.2)
    file.write(b"theirs\\n")
"""


def enter(folder):
    with locks.locked(folder):
        pass


@posix
def test_a_second_process_is_refused_until_the_first_is_killed(holder, tmp_path):
    sentence = f"{tmp_path}: another process is at work in this folder"
    assert refusal(enter, tmp_path) == sentence
    assert refusal(enter, tmp_path) == sentence  # being refused frees nothing
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    enter(tmp_path)


def test_the_lock_is_free_after_the_block_however_it_ends(tmp_path):
    with pytest.raises(KeyError), locks.locked(tmp_path):
        assert refusal(enter, tmp_path) == (
            f"{tmp_path}: another process is at work in this folder"
        )
        raise KeyError
    enter(tmp_path)


def test_a_program_started_meanwhile_does_not_keep_the_lock(tmp_path):
    with locks.locked(tmp_path):
        child = subprocess.Popen(
            [sys.executable, "-c", "print('up', flush=True); input()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            close_fds=False,
        )
        # Popen returns a moment before the new program's descriptors are closed.
        assert child.stdout.readline().strip() == b"up"
    try:
        enter(tmp_path)
        assert child.poll() is None
    finally:
        child.communicate(b"\n")


def test_two_folders_are_two_locks(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    with locks.locked(tmp_path / "a"), locks.locked(tmp_path / "b"):
        pass


@posix
def test_a_file_system_without_locks_is_a_warning(tmp_path, monkeypatch):
    def no_locks(*args):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(pytest.importorskip("fcntl"), "flock", no_locks)
    entered = False
    with pytest.warns(UserWarning) as caught, locks.locked(tmp_path):
        entered = True
    assert entered
    assert [str(warning.message) for warning in caught] == [
        f"{tmp_path}: cannot be locked (No locks available); keep other processes out of it"
    ]
    assert caught[0].filename == __file__


def test_a_folder_that_is_not_there_cannot_be_locked(tmp_path):
    folder = tmp_path / "absent"
    assert refusal(enter, folder) == f"{folder}: could not be locked: No such file or directory"


def test_a_process_waits_until_the_file_is_free(tmp_path):
    """The other process adds its line while it holds the file; ours comes behind it."""
    path = tmp_path / "lines"
    with subprocess.Popen(
        [sys.executable, "-c", APPENDER, path],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout.readline().strip() == b"held"
        process.stdin.close()
        with open(path, "ab") as file, locks.exclusive(file):
            file.write(b"ours\n")
    assert path.read_bytes() == b"theirs\nours\n"
    with open(path, "ab") as file, locks.exclusive(file):  # free again
        pass
