"""LIVE's lists and score files: the original, bit rate and opinion score of each image.

Release 2 has ``jpeg/info.txt``, ``refnames_all.mat``, ``dmos_realigned.mat`` and ``dmos.mat``;
release 1 has ``jpeginfo.txt`` and ``subjectscores1.txt``, ``subjectscores2.txt``. All names here
are in lower case, all numbers those of ``imgN``.
"""

import math
import re
import warnings
from typing import NamedTuple

import numpy as np
from scipy.io import loadmat

from experiments.images.errors import ImageError
from experiments.system.errors import some

# In release 2's vectors of 982 the JPEG images 1 to 233 follow 227 of JPEG 2000.
ALL, JPEG_FIRST, JPEG_COUNT = 982, 227, 233
REALIGNED, RELEASED, RAW = "DMOS, realigned", "DMOS", "mean raw opinion score"


class Entry(NamedTuple):
    """A line of a list: the original's file name, and bits per pixel, 0 for a lossless copy."""

    original: str
    bits_per_pixel: float


def numbered(path):
    """Return N of an image ``imgN``, in any case; None for other names."""
    match = re.fullmatch(r"img(\d{1,6})", path.stem.lower(), re.ASCII)
    return int(match[1]) if match else None


def read_list(path):
    """Read ``info.txt`` or ``jpeginfo.txt``: lines of original, image, bits per pixel.

    Returns an `Entry` by each image's number, without the lines at fault, and a sentence for each
    kind of fault. Raises `ImageError` if the file cannot be read as text.
    """
    entries, odd, twice = {}, [], set()
    for count, line in _lines(path):
        number, entry = _entry(line)
        if entry is None:
            odd.append(str(count))
        elif entries.setdefault(number, entry) != entry:
            twice.add(number)
    faults = []
    if odd:
        faults.append(
            f"{path}: {len(odd)} lines are not '<original> <image> <bits per pixel>' and are "
            f"left out (line {some(odd)})"
        )
    if twice:
        names = ", ".join(f"img{number}" for number in sorted(twice))
        faults.append(f"{path}: has two different lines for {names}; left out")
    return {number: entry for number, entry in entries.items() if number not in twice}, faults


def _entry(line):
    fields = line.split()
    # A full path is taken for its last part, on either kind of system.
    names = [field.replace("\\", "/").rpartition("/")[2].lower() for field in fields[:2]]
    match = len(fields) == 3 and re.fullmatch(r"img(\d{1,6})\.\w+", names[1], re.ASCII)
    try:
        rate = float(fields[2]) if match else math.nan
    except ValueError:
        rate = math.nan
    return (int(match[1]), Entry(names[0], rate)) if 0 <= rate < math.inf else (None, None)


def read_reference_names(path):
    """Read ``refnames_all.mat``: the original's file name of each JPEG image, and no faults.

    Raises `ImageError` if this is no MATLAB file, or has no cell array of 982 names.
    """
    values = _variable(path, "refnames_all")
    names = [value.ravel()[0] if np.size(value) else "" for value in values]
    part = names[JPEG_FIRST : JPEG_FIRST + JPEG_COUNT]
    if not all(isinstance(name, str) for name in part):
        raise ImageError(f"{path}: refnames_all does not hold names")
    return {number: name.lower() for number, name in enumerate(part, 1)}, []


def read_dmos(path):
    """Read the difference mean opinion score of each JPEG image, 0 is best; and no faults.

    Either ``dmos_new`` of ``dmos_realigned.mat``, or ``dmos`` of ``dmos.mat``, each of 982 values.
    Raises `ImageError` if this is no MATLAB file, or has no such vector.
    """
    name = "dmos_new" if "realigned" in path.name.lower() else "dmos"
    values = _variable(path, name)
    if values.dtype.kind not in "fiu":
        raise ImageError(f"{path}: {name} does not hold numbers")
    part = values[JPEG_FIRST : JPEG_FIRST + JPEG_COUNT].astype(float)
    scores = enumerate(part.tolist(), 1)
    return {number: value for number, value in scores if math.isfinite(value)}, []


def read_raw_scores(path):
    """Read lines of ``imgN.bmp score score ...`` and average each; 0 is a missing score.

    Returns means by the image's number, without lines of another form and a second one for an
    image, and a sentence if there are such lines. Raises `ImageError` if it cannot be read as text.
    """
    means, odd = {}, []
    for count, line in _lines(path):
        number, scores = _scores(line)
        if number is None or number in means:
            odd.append(str(count))
        elif rated := [score for score in scores if score != 0]:
            means[number] = sum(rated) / len(rated)
    if not odd:
        return means, []
    return means, [
        f"{path}: {len(odd)} lines are not 'imgN.bmp score score ...', each N once, and are left "
        f"out (line {some(odd)})"
    ]


def _scores(line):
    name, *fields = line.split()
    match = re.fullmatch(r"img(\d{1,6})\.\w+", name.lower(), re.ASCII)
    try:
        scores = [float(field) for field in fields]
    except ValueError:
        match = None
    if match is None or not all(map(math.isfinite, scores)):
        return None, []
    return int(match[1]), scores


def _lines(path):
    """Return the lines that are not blank, with their numbers."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ImageError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ImageError(f"{path}: is not text") from error
    return [(count, line) for count, line in enumerate(text.splitlines(), 1) if line.strip()]


def _variable(path, name):
    """Load one vector of 982 from a MATLAB file."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            values = loadmat(path, variable_names=[name]).get(name)
    except Exception as error:  # its parser lets many kinds of exception out
        raise ImageError(f"{path}: cannot be read as a MATLAB file") from error
    if values is None or not isinstance(values, np.ndarray) or values.size != ALL:
        raise ImageError(f"{path}: has no {name} of {ALL} values")
    return values.ravel()
