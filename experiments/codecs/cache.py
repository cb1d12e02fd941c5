"""Measured points on disk: what was measured once is read, until anything that it hangs on changes.

An entry is a small JSON file that repeats the point's identity beside the figures, with a digest
over both. One that is damaged, or of another point, counts as absent.
"""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

from experiments.cli.commands import note
from experiments.codecs.points import Figures
from experiments.system.folders import cache_folder
from fnnet.files import write_whole


class PointCache:
    """The entries in one folder, by default the one for caches."""

    def __init__(self, folder=None):
        self.folder = cache_folder("classical") if folder is None else Path(folder)
        self._is_writable = True

    def get(self, point):
        """Look up a point's figures: `Figures`, or None if they are not known."""
        try:
            entry = json.loads(self._path(point).read_bytes())
            sound = entry == _entry(point, entry["figures"])
            return Figures(**entry["figures"]) if sound else None
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            return None

    def put(self, point, figures):
        """Keep a point's figures; the first time that this fails is told, and no more are kept."""
        if not self._is_writable:
            return
        path = self._path(point)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, json.dumps(_entry(point, asdict(figures))).encode())
        except OSError as error:
            self._is_writable = False
            reason = f"{path}: could not be written: {error.strerror or error}"
            note(f"{reason}; points are not kept for the next time")

    def _path(self, point):
        identity = point.identity()
        name = f"{point.codec}-{point.quality:g}-{_digest(identity)[:16]}.json"
        return self.folder / identity["pixels"][:16] / name


def _entry(point, figures):
    content = {"identity": point.identity(), "figures": figures}
    return {**content, "digest": _digest(content)}


def _digest(value):
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
