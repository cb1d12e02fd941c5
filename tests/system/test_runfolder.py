"""A run's folder: made once, locked while it is used, whole whatever happens."""

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.system import folders, locks, storage
from experiments.system.errors import RunError

ROOT = Path(__file__).parents[2]
posix = pytest.mark.skipif(os.name == "nt", reason="signals and special files are POSIX")


def refusal(call, *args):
    """The sentence with which a call refuses: one line that is not empty."""
    with pytest.raises(RunError) as caught:
        call(*args)
    sentence = str(caught.value)
    assert sentence
    assert sentence.isprintable()
    return sentence


def enter(folder):
    with locks.locked(folder):
        pass


# The folder


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


# The lock

HOLDER = """
import sys
from experiments.system import locks
with locks.locked(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    """A process that holds the lock of `tmp_path` until its input ends."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, tmp_path],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout.readline().strip() == b"held"
        yield process
        process.kill()


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

    monkeypatch.setattr(locks.fcntl, "flock", no_locks)
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


# The folder of results


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


# Texts


def test_texts_and_values_come_back(tmp_path):
    value = {"name": "größe", "sizes": [1, 2.5, None], "loss": float("inf")}
    storage.write_json(tmp_path / "config.json", value)
    assert storage.read_json(tmp_path / "config.json") == value
    assert list(storage.read_json(tmp_path / "config.json")) == ["name", "sizes", "loss"]
    storage.write_text(tmp_path / "a.txt", "größe\n")
    assert (tmp_path / "a.txt").read_bytes() == "größe\n".encode()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.txt", "config.json"]


def test_a_full_disk_leaves_the_old_text(tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    path = tmp_path / "config.json"
    storage.write_json(path, {"steps": 1})
    monkeypatch.setattr(os, "fsync", full)
    assert refusal(storage.write_json, path, {"steps": 2}) == (
        f"{path}: could not be written: No space left on device"
    )
    assert storage.read_json(path) == {"steps": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_a_value_that_is_not_json_leaves_the_old_text(tmp_path):
    path = tmp_path / "config.json"
    storage.write_json(path, {"steps": 1})
    with pytest.raises(TypeError):
        storage.write_json(path, {"steps": 1, "path": Path("x")})
    assert storage.read_json(path) == {"steps": 1}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "is not JSON: Expecting value: line 1 column 1 (char 0)"),
        (b'{"a": 1', "is not JSON: Expecting ',' delimiter: line 1 column 8 (char 7)"),
        (b'"\xff\xfe"', "is not JSON: 'utf-8' codec can't decode byte 0xff in position 1"),
        (b"[" * 200_000, "is not JSON: "),
    ],
)
def test_damaged_json_gets_a_sentence(body, reason, tmp_path):
    path = tmp_path / "config.json"
    path.write_bytes(body)
    assert refusal(storage.read_json, path).startswith(f"{path}: {reason}")


def test_absent_json_and_folders_get_a_sentence(tmp_path):
    path = tmp_path / "config.json"
    assert refusal(storage.read_json, path) == f"{path}: does not exist"
    assert refusal(storage.read_metrics, path) == f"{path}: does not exist"
    assert refusal(storage.read_json, tmp_path) == (
        f"{tmp_path}: could not be read: Is a directory"
    )
    path = tmp_path / "absent" / "config.json"
    assert refusal(storage.write_json, path, {}) == (
        f"{path}: could not be written: No such file or directory"
    )


# Metrics

ROWS = [{"step": step, "loss": 1 / (step + 1), "note": "größe\n"} for step in range(0, 50, 10)]


@pytest.fixture
def metrics(tmp_path):
    path = tmp_path / "metrics.jsonl"
    for row in ROWS:
        storage.append_metrics(path, row)
    return path


def test_rows_are_lines(metrics):
    assert [json.loads(line) for line in metrics.read_text().splitlines()] == ROWS
    assert storage.read_metrics(metrics) == ROWS


def test_not_a_number_is_a_number_too(tmp_path):
    path = tmp_path / "metrics.jsonl"
    storage.append_metrics(path, {"step": 1, "loss": float("nan")})
    (row,) = storage.read_metrics(path)
    assert row["loss"] != row["loss"]


def test_a_line_torn_anywhere_is_dropped(metrics):
    body = metrics.read_bytes()
    for length in range(len(body) + 1):
        metrics.write_bytes(body[:length])
        whole = body[:length].count(b"\n")
        assert storage.read_metrics(metrics) == ROWS[:whole]


def test_a_cut_keeps_the_bytes_of_the_lines_up_to_a_step(metrics):
    # As another writer might have spaced it.
    lines = [json.dumps(row, separators=(" ,", ":  ")).encode() + b"\n" for row in ROWS]
    for step, count in {-1: 0, 0: 1, 25: 3, 30: 4, 40: 5, 99: 5}.items():
        metrics.write_bytes(b"".join(lines) + b'{"step": 5')
        storage.cut_metrics(metrics, step)
        assert metrics.read_bytes() == b"".join(lines[:count])
    assert [path.name for path in metrics.parent.iterdir()] == ["metrics.jsonl"]


def test_a_run_goes_on_after_a_torn_line(metrics):
    metrics.write_bytes(metrics.read_bytes()[:-3])
    storage.cut_metrics(metrics, 20)
    storage.append_metrics(metrics, {"step": 25})
    assert storage.read_metrics(metrics) == [*ROWS[:3], {"step": 25}]


def test_without_metrics_there_is_nothing_to_cut(tmp_path):
    storage.cut_metrics(tmp_path / "metrics.jsonl", 10)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{oops}\n", "line 2 is not JSON: Expecting property name"),
        (b"\n", "line 2 is not JSON: Expecting value"),
        (b"[1]\n", "line 2 is not a row of named values"),
    ],
)
def test_a_damaged_line_is_named(line, reason, metrics):
    first, *others = metrics.read_bytes().splitlines(keepends=True)
    body = b"".join([first, line, *others])
    metrics.write_bytes(body)
    assert refusal(storage.read_metrics, metrics).startswith(f"{metrics}: {reason}")
    assert refusal(storage.cut_metrics, metrics, 10).startswith(f"{metrics}: {reason}")
    assert metrics.read_bytes() == body


def test_a_cut_needs_steps(metrics):
    storage.append_metrics(metrics, {"loss": 1})
    assert storage.read_metrics(metrics)[-1] == {"loss": 1}
    assert refusal(storage.cut_metrics, metrics, 10) == f"{metrics}: line 6 has no 'step'"


@posix
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a disk that is always full")
def test_a_full_disk_stops_the_metrics_with_a_sentence():
    assert refusal(storage.append_metrics, "/dev/full", {"step": 1}) == (
        "/dev/full: could not be written: No space left on device"
    )


def test_a_folder_that_was_taken_away_is_noticed(metrics):
    metrics.unlink()
    metrics.parent.rmdir()
    assert refusal(storage.append_metrics, metrics, {"step": 1}) == (
        f"{metrics}: could not be written: No such file or directory"
    )


@pytest.mark.parametrize("length", [10, 8192, 300_000])
def test_a_line_of_any_length_is_one_write(length, tmp_path, monkeypatch):
    writes = []

    class Counted(io.FileIO):
        def write(self, data):
            writes.append(len(data))
            return super().write(data)

    def counted_open(path, mode):
        return io.BufferedWriter(Counted(path, mode))

    monkeypatch.setattr(storage, "open", counted_open, raising=False)
    storage.append_metrics(tmp_path / "metrics.jsonl", {"note": "x" * length})
    assert writes == [length + len('{"note": ""}\n')]
