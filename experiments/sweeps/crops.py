"""Crops of photographs that come with scikit-image, through each rung's files: to look at."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from experiments.evaluation import scores
from experiments.evaluation.pairs import load_pairs
from experiments.images import write_png
from experiments.networks.tasks import TASKS
from experiments.sweeps.plan import QUALITY
from experiments.system.storage import read_json, write_bytes

_SIDE = 160
# Where there is something to see: the top left corner of each, rows first.
_PLACES = {"chelsea": (60, 120), "coffee": (20, 270)}
MANIFEST = "crops.json"


@dataclass(frozen=True)
class CropFolder:
    """A folder of crops with their manifest, which the report reads; `path` may not exist yet."""

    path: Path

    def rungs(self):
        """Name the rungs whose crops are there."""
        return {entry["rung"] for entry in self._entries()}

    def add(self, rung, codec, rate):
        """Write a rung's crops, through real files at one rate."""
        self.path.mkdir(parents=True, exist_ok=True)
        apply = scores.through_files(codec, rate)
        entries = [entry for entry in self._entries() if entry["rung"] != rung]
        for pair in load_pairs(None, QUALITY):
            if pair.image.name in _PLACES:
                entries.append(self._write(rung, rate, pair, apply))
        # Last, so that what it names is there.
        write_bytes(self.path / MANIFEST, (json.dumps(entries, indent=1) + "\n").encode())

    def _entries(self):
        path = self.path / MANIFEST
        return read_json(path) if path.exists() else []

    def _write(self, rung, rate, pair, apply):
        outcome = scores.outcome(apply, TASKS["autoencode"], pair)
        name, score = pair.image.name, outcome.score
        label = "-".join(re.findall(r"\w+", rung))
        files = {
            "original": (f"{name}.png", pair.original),
            "jpeg": (f"{name}-{label}-jpeg.png", outcome.jpeg),
            "reconstruction": (f"{name}-{label}.png", outcome.output),
        }
        for file, pixels in files.values():
            write_png(self.path / file, _cut(pixels, *_PLACES[name]))
        return {
            "rung": rung,
            "rate": rate,
            "picture": name,
            **{part: file for part, (file, _) in files.items()},
            "bits_per_pixel": score.bits_per_pixel,
            "jpeg_bits_per_pixel": score.jpeg_bits_per_pixel,
            "psnr": score.psnr,
            "jpeg_psnr": score.jpeg_psnr,
        }


def _cut(pixels, top, left):
    return pixels[top : top + _SIDE, left : left + _SIDE]
