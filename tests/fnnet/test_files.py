"""Files are written whole or not at all."""

import os
import stat
from pathlib import Path

import pytest
from checkpoint_builders import (
    fail_at,
    posix,
)

from fnnet import files


@posix
def test_file_and_folder_reach_the_disk_in_this_order(tmp_path, monkeypatch):
    events = []
    fsync, replace = os.fsync, os.replace

    def noted_fsync(descriptor):
        kind = "folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file"
        events.append((kind, os.fstat(descriptor).st_size if kind == "file" else None))
        fsync(descriptor)

    def noted_replace(source, target):
        events.append(("replace", Path(source).name, Path(target).name))
        replace(source, target)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "replace", noted_replace)
    files.write_whole(tmp_path / "a", b"12345")
    assert events == [("file", 5), ("replace", "a.tmp", "a"), ("folder", None)]


@posix
def test_a_folder_that_cannot_be_flushed_is_a_warning(tmp_path, monkeypatch):
    path = tmp_path / "a"
    fail_at(monkeypatch, "open", OSError(22, "Invalid argument"))
    with pytest.warns(UserWarning) as caught:
        files.write_whole(path, b"12345")
    assert [str(warning.message) for warning in caught] == [
        f"{path}: written, but may not survive a power cut: Invalid argument"
    ]
    assert path.read_bytes() == b"12345"
