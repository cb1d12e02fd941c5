"""Crops of photographs of scikit-image, coded by each rung and cut to be compared by eye."""

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec

from experiments.evaluation import scores
from experiments.evaluation.pairs import load_pairs
from experiments.images import write_png
from experiments.networks.tasks import TASKS
from experiments.sweeps.plan import QUALITY
from experiments.system.errors import RunError
from experiments.system.storage import read_json, write_text

_SIZE = 160
# Where there is something to see: the top left corner of each, rows first.
_CORNERS = {"chelsea": (60, 120), "coffee": (20, 270)}
MANIFEST = "crops.json"


@dataclass(frozen=True, kw_only=True)
class CropEntry:
    """An entry of the manifest: a crop of an image at one rate of a rung's codec.

    `picture` is the image's name; `original`, `jpeg` and `reconstruction` are file names. Figures
    are of the whole image.
    """

    rung: str
    rate: int | None
    picture: str
    original: str
    jpeg: str
    reconstruction: str
    bits_per_pixel: float | None
    jpeg_bits_per_pixel: float | None
    psnr: float
    jpeg_psnr: float


def read_entry(where, value):
    """Build an entry from a value of a manifest; a RunError about it begins with `where`."""
    try:
        return msgspec.convert(value, CropEntry)
    except msgspec.ValidationError as error:
        raise RunError(f"{where}: {error}") from error


@dataclass(frozen=True)
class CropFolder:
    """A folder of crops with their manifest, which the report reads; `path` may not exist yet."""

    path: Path

    def rungs(self):
        """Return the names of the rungs that have crops."""
        return {entry.rung for entry in self._entries()}

    def add(self, rung, codec, rate):
        """Write a rung's crops, through real files at one rate."""
        self.path.mkdir(parents=True, exist_ok=True)
        apply = scores.through_files(codec, rate)
        entries = [entry for entry in self._entries() if entry.rung != rung]
        for pair in load_pairs(None, QUALITY):
            if pair.image.name in _CORNERS:
                entries.append(self._write(rung, rate, pair, apply))
        # Last, so that the files it names are there.
        text = json.dumps([asdict(entry) for entry in entries], indent=1) + "\n"
        write_text(self.path / MANIFEST, text)

    def _entries(self):
        path = self.path / MANIFEST
        values = read_json(path) if path.exists() else []
        return [read_entry(f"{path}: crop {index}", each) for index, each in enumerate(values, 1)]

    def _write(self, rung, rate, pair, apply):
        outcome = scores.outcome(apply, TASKS["autoencode"], pair)
        name, score = pair.image.name, outcome.score
        label = "-".join(re.findall(r"\w+", rung))
        files = {
            "original": (f"{name}.png", pair.original),
            "jpeg": (f"{name}-{label}-jpeg.png", outcome.jpeg),
            "reconstruction": (f"{name}-{label}.png", outcome.output),
        }
        top, left = _CORNERS[name]
        for file, pixels in files.values():
            write_png(self.path / file, pixels[top : top + _SIZE, left : left + _SIZE])
        return CropEntry(
            rung=rung,
            rate=rate,
            picture=name,
            **{part: file for part, (file, _) in files.items()},
            bits_per_pixel=score.bits_per_pixel,
            jpeg_bits_per_pixel=score.jpeg_bits_per_pixel,
            psnr=score.psnr,
            jpeg_psnr=score.jpeg_psnr,
        )
