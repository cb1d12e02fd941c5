"""Crops to compare by eye: the manifest beside them, their images, their error maps."""

import base64
import io
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image

from experiments.evaluation.figures import ERROR_LIMIT
from experiments.images import ImageError, read_image
from experiments.sweeps.crops import MANIFEST, CropEntry, read_entry
from experiments.system.errors import RunError
from experiments.system.storage import read_json

_ERROR_QUALITY = 85


@dataclass(frozen=True)
class Crop:
    """One crop; `images` are data URIs by name: original, jpeg, reconstruction and both errors."""

    entry: CropEntry
    size: tuple[int, int]
    images: dict


def read_crops(folder):
    """Read the crops of ``crops/crops.json`` in a folder.

    Returns
    -------
    crops : list of Crop
        Empty if there is no manifest.
    faults : list of str
        A sentence for each crop that is left out.
    """
    manifest = Path(folder) / "crops" / MANIFEST
    if not manifest.is_file():
        return [], []
    try:
        entries = read_json(manifest)
    except RunError as error:
        return [], [str(error)]
    if not isinstance(entries, list):
        return [], [f"{manifest}: is not a list of crops"]
    crops, faults = [], []
    for index, entry in enumerate(entries, 1):
        where = f"{manifest}: crop {index}"
        try:
            crops.append(_crop(manifest.parent, where, read_entry(where, entry)))
        except (RunError, ImageError) as error:
            faults.append(str(error))
    return crops, faults


def _crop(folder, where, entry):
    files = {
        "original": entry.original,
        "jpeg": entry.jpeg,
        "reconstruction": entry.reconstruction,
    }
    pixels = {}
    for name, file in files.items():
        # A manifest that somebody else made must not put this machine's files into a page.
        if Path(file).name != file:
            raise RunError(f"{where} names {file!r}, which is not beside it")
        pixels[name] = read_image(folder / file).pixels
    shapes = {one.shape for one in pixels.values()}
    if len(shapes) > 1:
        raise RunError(f"{where} has images of different sizes")
    images = {name: _file_uri(folder / file, pixels[name]) for name, file in files.items()}
    for name in ("jpeg", "reconstruction"):
        images[f"{name} error"] = error_uri(error_map(pixels["original"], pixels[name]))
    height, width = shapes.pop()[:2]
    return Crop(entry, (width, height), images)


def error_map(original, other):
    """Colour the mean absolute error over the channels, 0 to 40 grey levels: (H, W, 3) uint8."""
    error = np.abs(original.astype(np.float32) - other).mean(-1)
    colours = matplotlib.colormaps["magma"](np.clip(error / ERROR_LIMIT, 0, 1), bytes=True)
    return colours[..., :3]


def _file_uri(path, pixels):
    """Take a file's bytes as they are, or as lossless WebP where that is smaller."""
    kind = {".png": "png", ".webp": "webp"}.get(path.suffix.lower())
    if kind is None:
        raise RunError(f"{path}: crops are PNG or lossless WebP files")
    data = path.read_bytes()
    if kind == "png":
        # More effort takes up to a hundred times as long, and saves nothing.
        smaller = _encoded(pixels, "WEBP", lossless=True, quality=50, method=4)
        if len(smaller) < len(data):
            kind, data = "webp", smaller
    return _data_uri(kind, data)


def error_uri(pixels):
    """Write an error map as a page holds it: to be looked at, not measured."""
    return _data_uri("jpeg", _encoded(pixels, "JPEG", quality=_ERROR_QUALITY))


def _encoded(pixels, form, **options):
    memory = io.BytesIO()
    Image.fromarray(pixels).save(memory, form, **options)
    return memory.getvalue()


def _data_uri(kind, data):
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
