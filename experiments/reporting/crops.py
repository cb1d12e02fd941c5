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
from experiments.system.errors import RunError
from experiments.system.storage import read_json

_NUMBERS = ("bits_per_pixel", "jpeg_bits_per_pixel", "psnr", "jpeg_psnr")
_FILES = ("original", "jpeg", "reconstruction")
_ERROR_QUALITY = 85


@dataclass(frozen=True)
class Crop:
    """One crop; `images` are data URIs by name: original, jpeg, reconstruction and both errors."""

    rung: str
    rate: int | None
    image: str
    size: tuple[int, int]
    images: dict
    bits_per_pixel: float | None
    jpeg_bits_per_pixel: float | None
    psnr: float
    jpeg_psnr: float


def read_crops(folder):
    """Read the crops of ``crops/crops.json`` in a folder.

    Returns
    -------
    crops : list of Crop
        Empty if there is no manifest.
    faults : list of str
        A sentence for each crop that is left out.
    """
    manifest = Path(folder) / "crops" / "crops.json"
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
        problem = _fault(entry)
        try:
            if problem:
                raise RunError(f"{manifest}: crop {index} {problem}")
            crops.append(_crop(manifest, index, entry))
        except (RunError, ImageError) as error:
            faults.append(str(error))
    return crops, faults


def _fault(entry):
    if not isinstance(entry, dict):
        return "is not an object"
    for name in ("rung", "rate", "picture", *_FILES, *_NUMBERS):
        if name not in entry:
            return f"has no {name!r}"
    for name in ("rung", "picture", *_FILES):
        if not isinstance(entry[name], str):
            return f"has {entry[name]!r} as its {name!r}"
    for name in _NUMBERS:
        kinds = (int, float, type(None)) if "bits" in name else (int, float)
        if not isinstance(entry[name], kinds):
            return f"has {entry[name]!r} as its {name!r}"
    return None


def _crop(manifest, index, entry):
    pixels = {}
    for name in _FILES:
        file = entry[name]
        # A manifest that somebody else made must not put this machine's files into a page.
        if Path(file).name != file:
            raise RunError(f"{manifest}: crop {index} names {file!r}, which is not beside it")
        pixels[name] = read_image(manifest.parent / file).pixels
    shapes = {one.shape for one in pixels.values()}
    if len(shapes) > 1:
        raise RunError(f"{manifest}: crop {index} has images of different sizes")
    images = {name: _file_uri(manifest.parent / entry[name], pixels[name]) for name in _FILES}
    for name in ("jpeg", "reconstruction"):
        images[f"{name} error"] = error_uri(error_map(pixels["original"], pixels[name]))
    height, width = shapes.pop()[:2]
    numbers = [entry[name] for name in _NUMBERS]
    return Crop(entry["rung"], entry["rate"], entry["picture"], (width, height), images, *numbers)


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
