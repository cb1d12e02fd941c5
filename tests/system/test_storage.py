"""Files that are whole whatever happens: texts, JSON, metrics."""

import io
import json
import os
from pathlib import Path

import pytest
from refusals import refusal

from experiments.system import storage


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
