"""Cache of measurements on disk: an entry is valid until anything that it depends on changes.

An entry is a small JSON file that repeats the encoding's identity beside the measurement, with a
digest over both. An entry that is damaged, or of another encoding, counts as absent; a cache of
pickles by arguments alone (joblib's) would return it.
"""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

from experiments.cli.commands import note
from experiments.codecs.measurement import Measurement, measure_all
from experiments.system.folders import cache_folder
from fnnet.files import write_whole


class MeasurementCache:
    """The entries in one folder, by default in the user's folder for caches."""

    def __init__(self, folder=None):
        self.folder = cache_folder("classical") if folder is None else Path(folder)
        self._is_writable = True

    def get(self, encoding):
        """Return the `Measurement` of an encoding, or None if it is not cached."""
        try:
            entry = json.loads(self._path(encoding).read_bytes())
            measurement = Measurement(**entry["figures"])
            return measurement if entry == _entry(encoding, measurement) else None
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            return None

    def put(self, encoding, measurement):
        """Store a measurement; the first failure is noted, and nothing is stored after it."""
        if not self._is_writable:
            return
        path = self._path(encoding)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, json.dumps(_entry(encoding, measurement)).encode())
        except OSError as error:
            self._is_writable = False
            reason = f"{path}: could not be written: {error.strerror or error}"
            note(f"{reason}; measurements are not cached")

    def complete(self, measurements, done=lambda: None):
        """Return measurements with each None measured and stored, calling ``done()`` after it."""
        complete = dict(measurements)

        def store(encoding, measurement):
            complete[encoding] = measurement
            self.put(encoding, measurement)
            done()

        measure_all([encoding for encoding in complete if complete[encoding] is None], store)
        return complete

    def _path(self, encoding):
        identity = encoding.identity()
        name = f"{encoding.codec}-{encoding.quality:g}-{_digest(identity)[:16]}.json"
        return self.folder / identity["pixels"][:16] / name


def _entry(encoding, measurement):
    content = {"identity": encoding.identity(), "figures": asdict(measurement)}
    return {**content, "digest": _digest(content)}


def _digest(value):
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
