"""Folders of runs and of results: created once, locked, whole whatever happens."""

import os
import signal
import sys

import pytest
from refusals import refusal

from experiments.system import folders, locks

posix = pytest.mark.skipif(os.name == "nt", reason="signals and special files are POSIX")


def test_a_folder_is_made_with_those_above_it(tmp_path):
    folder = tmp_path / "runs" / "first"
    assert folders.create(str(folder)) == folder
    assert list(folder.iterdir()) == []
    assert folders.create(folder) == folder  # still empty


@pytest.mark.parametrize(
    "name", ["config.json", "record.json", "metrics.jsonl", "checkpoint-00000100.safetensors"]
)
def test_a_folder_with_a_run_is_refused_with_the_ways_out(name, tmp_path):
    (tmp_path / name).touch()
    (tmp_path / ".lock").touch()
    assert refusal(folders.create, tmp_path) == (
        f"{tmp_path}: already holds a run, which train --resume {tmp_path} continues; "
        "choose another --out"
    )


@pytest.mark.parametrize("name", ["holiday.jpg", ".hidden", "config.json.tmp"])
def test_a_folder_with_other_files_is_refused(name, tmp_path):
    (tmp_path / name).touch()
    assert refusal(folders.create, tmp_path) == (f"{tmp_path}: is not empty; choose another --out")


def test_a_lock_alone_is_not_a_run(tmp_path):
    with locks.locked(tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]
    assert folders.create(tmp_path) == tmp_path


def test_a_file_in_the_way_is_refused(tmp_path):
    file = tmp_path / "file"
    file.touch()
    assert refusal(folders.create, file) == f"{file}: is a file, not a folder; choose another --out"
    assert refusal(folders.create, file / "run") == (
        f"{file}/run: could not be made: Not a directory"
    )


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (13, "Permission denied"),
        (28, "No space left on device"),
        (30, "Read-only file system"),
    ],
)
def test_a_folder_that_cannot_be_made_is_told(number, reason, tmp_path, monkeypatch):
    def fail(*args, **kwargs):
        raise OSError(number, reason)

    monkeypatch.setattr(os, "mkdir", fail)
    folder = tmp_path / "run"
    assert refusal(folders.create, folder) == f"{folder}: could not be made: {reason}"


def test_an_empty_folder_that_cannot_be_written_into_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)  # root may everything
    assert refusal(folders.create, tmp_path) == f"{tmp_path}: may not be written into"


def enter_results(folder):
    with folders.result_folder(folder):
        pass


@posix
def test_results_are_refused_where_another_process_is_at_work(holder, tmp_path):
    assert (
        refusal(enter_results, tmp_path) == f"{tmp_path}: another process is at work in this folder"
    )
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_one_of_two_commands_with_one_folder_is_refused(tmp_path):
    folder = tmp_path / "out"
    with folders.result_folder(folder) as write:
        assert refusal(enter_results, folder) == (
            f"{folder}: another process is at work in this folder"
        )
        write("mine", b"1")
    assert [path.name for path in folder.iterdir()] == ["mine"]


@posix
def test_results_of_a_process_that_is_told_to_end_are_taken_away(tmp_path):
    folder = tmp_path / "out"
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), folders.result_folder(folder) as write:
        write("half", b"1")
        os.kill(os.getpid(), signal.SIGTERM)
    assert not folder.exists()
    assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have their own place")
def test_caches_lie_where_the_user_s_caches_do(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    assert folders.cache_folder("compiled") == tmp_path / "caches" / "fnnet" / "compiled"
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    assert folders.cache_folder("compiled") == tmp_path / ".cache" / "fnnet" / "compiled"
