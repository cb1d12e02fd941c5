"""Sets of pictures: where they lie, how their folders are laid out, their JPEG versions."""

import difflib
import os
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from experiments.pictures.embedded import embedded_pictures
from experiments.pictures.errors import PictureError
from experiments.pictures.files import (
    Picture,
    entries,
    find_pictures,
    pictures_in,
    read_picture,
    require_distinct,
)
from experiments.pictures.jpeg import jpeg_version
from experiments.pictures.live1 import canonical_name

ROOT_VARIABLE = "FNNET_DATA"
LISTED = 8  # so many names are spelt out in a message


@dataclass(frozen=True, eq=False)
class PictureSet:
    """Originals, and where their compressed versions lie if the set brings some.

    Attributes
    ----------
    name : str
    folder : Path or None
        None for the embedded photographs.
    originals : tuple of Picture
        Sorted by name; names are canonical and unique.
    compressed : mapping of int to mapping of str to Path
        JPEG quality, then the original's canonical name, to the file with its decoded version.
        Whether it is complete is checked when a quality is asked for.
    notices : tuple of str
        What a user must know of the set and of how its pictures were read.
    """

    name: str
    folder: Path | None
    originals: tuple[Picture, ...]
    compressed: Mapping[int, Mapping[str, Path]] = field(default_factory=dict)
    notices: tuple[str, ...] = ()


def locate(data):
    """Find the folder that `data` means.

    Parameters
    ----------
    data : str or Path
        A folder; or, if there is none of that name, a set under the folder that the environment
        variable FNNET_DATA names.

    Raises
    ------
    PictureError
        If neither is there: tells what was looked for and which named sets there are.
    """
    if not str(data):
        raise PictureError("'': an empty name is neither a folder nor a set")
    folder = Path(data).expanduser()
    if folder.is_dir():
        return folder
    if folder.exists():
        raise PictureError(f"{data}: a file, not a folder of pictures")
    root = os.environ.get(ROOT_VARIABLE)
    if not root:
        raise PictureError(
            f"{data}: no such folder, and {ROOT_VARIABLE}, which would name the folder of named "
            "sets, is not set"
        )
    if not Path(root).is_dir():
        raise PictureError(f"{data}: no such folder, and {ROOT_VARIABLE}={root} is no folder")
    if (Path(root) / data).is_dir():
        return Path(root) / data
    sets = [path.name for path in _subfolders(root)]
    near = difflib.get_close_matches(str(data), sets, n=1)
    raise PictureError(
        f"{data}: neither a folder nor a set in {ROOT_VARIABLE}={root}, which has "
        f"{', '.join(sets) or 'none'}" + (f"; did you mean {near[0]}?" if near else "")
    )


def open_set(data=None):
    """Read the originals of a set and find its compressed versions.

    Parameters
    ----------
    data : str, Path or None
        What `locate` takes; None means the embedded photographs.

    Returns
    -------
    PictureSet

    Raises
    ------
    PictureError
        If the set is not found, its layout is none that is known, or a picture cannot be read.

    Notes
    -----
    Known layouts are: pictures directly in the folder, or in its subfolder ``originals``; and
    ``refimgs`` beside folders ``qf10``, ``qf20``, ... (any of 1 to 100) that hold decoded JPEG
    versions under the originals' names. Either may lie in the only subfolder of the folder. Files
    belong together by name, never by position.
    """
    if data is None:
        return PictureSet("embedded", None, embedded_pictures())
    folder = locate(data)
    source, qualities, notices = _layout(folder)
    paths = find_pictures(source)
    pictures = [
        replace(read_picture(path), name=name)
        for path, name in zip(paths, _names(paths), strict=True)
    ]
    originals = tuple(sorted(pictures, key=lambda picture: picture.name))
    names = {picture.name.casefold(): picture.name for picture in originals}
    return PictureSet(
        name=Path(os.path.abspath(folder)).name,
        folder=folder,
        originals=originals,
        compressed={quality: _partners(qualities[quality], names) for quality in sorted(qualities)},
        notices=(*notices, *(notice for picture in originals for notice in picture.notices)),
    )


def jpeg_for(picture_set, picture, quality):
    """Give one original's JPEG version: the set's own, or made now where the set has none.

    Parameters
    ----------
    picture_set : PictureSet
    picture : Picture
        One of its originals. A grey one is compressed as one channel.
    quality : int
        1 to 100.

    Returns
    -------
    tuple of ndarray, int or None
        Decoded pixels (H, W, 3) uint8, and the bytes of the JPEG file; None where the set brings
        decoded pixels only.

    Raises
    ------
    PictureError
        If the set's folder for this quality lacks a partner of any original, has one too many, or
        the partner has another size.

    Warns
    -----
    UserWarning
        If the set's own version had to be converted, as `read_picture` says.
    """
    if quality in picture_set.compressed:
        return _own_version(picture_set, picture, quality)
    if not picture.is_grey:
        return jpeg_version(picture.pixels, quality)
    plane, size = jpeg_version(picture.pixels[..., 0], quality)
    return np.repeat(plane[..., None], 3, axis=-1), size


def _own_version(picture_set, picture, quality):
    partners = picture_set.compressed[quality]
    _require_pairs(picture_set, quality)
    if picture.name not in partners:
        raise PictureError(f"{picture.path or picture.name}: not in the set {picture_set.name}")
    path = partners[picture.name]
    partner = read_picture(path)
    for notice in partner.notices:
        warnings.warn(notice, stacklevel=3)
    pixels = partner.pixels
    if pixels.shape != picture.pixels.shape:
        raise PictureError(
            f"{path}: {_size(pixels)} pixels, but its original {picture.path} has "
            f"{_size(picture.pixels)}"
        )
    with open(path, "rb") as file:
        is_jpeg = file.read(3) == b"\xff\xd8\xff"
    return pixels, path.stat().st_size if is_jpeg else None


def _require_pairs(picture_set, quality):
    partners = picture_set.compressed[quality]
    names = {picture.name for picture in picture_set.originals}
    missing, surplus = sorted(names - partners.keys()), sorted(partners.keys() - names)
    faults = []
    if missing:
        faults.append(f"no partner of {len(missing)} of {len(names)} originals ({_some(missing)})")
    if surplus:
        faults.append(f"{len(surplus)} pictures without an original ({_some(surplus)})")
    if faults:
        raise PictureError(f"{picture_set.folder}: qf{quality} has {' and '.join(faults)}")


def _layout(folder, *, may_nest=True):
    """Tell where the originals lie, which folder holds which quality, and what to notice."""
    subfolders = _subfolders(folder)
    named = {path.name.lower(): path for path in subfolders}
    qualities = _quality_folders(folder, subfolders)
    loose = pictures_in(folder)
    if "refimgs" in named and qualities:
        left_out = [f"{folder}: {len(loose)} pictures beside refimgs are left out"] if loose else []
        return named["refimgs"], qualities, left_out
    if loose:
        return folder, {}, []
    if "originals" in named and pictures_in(named["originals"]):
        return named["originals"], {}, []
    if may_nest and len(subfolders) == 1:
        return _layout(subfolders[0], may_nest=False)
    raise PictureError(
        f"{folder}: looked for pictures here or in originals, or for refimgs beside qf10, qf20 "
        f"and so on; found {_some([path.name for path in entries(folder)]) or 'nothing'}"
    )


def _quality_folders(folder, subfolders):
    """Map each quality to its folder: qf10, QF20, ..."""
    qualities = {}
    for path in subfolders:
        match = re.fullmatch(r"qf(\d+)", path.name.lower(), re.ASCII)
        if match is None:
            continue
        quality = int(match[1])
        if not 1 <= quality <= 100:
            raise PictureError(f"{path}: a JPEG quality is from 1 to 100")
        other = qualities.setdefault(quality, path)
        if other is not path:
            raise PictureError(f"{folder}: {other.name} and {path.name} are one quality; keep one")
    return qualities


def _partners(folder, names):
    """Map canonical names to the files of a quality's folder; `names` are the originals'."""
    paths = pictures_in(folder)
    require_distinct(paths, folder)
    # Where a system kept the case of one folder only, the originals' spelling counts.
    return {
        names.get(name.casefold(), name): path
        for path, name in zip(paths, _names(paths), strict=True)
    }


def _names(paths):
    """Name each picture canonically, unless two of them would then share a name."""
    names = [canonical_name(path.stem) for path in paths]
    # A folder with lighthouse and lighthouse3 is not LIVE1: there the alias means nothing.
    return names if len(set(names)) == len(names) else [path.stem for path in paths]


def _subfolders(folder):
    # Archives made on a Mac bring __MACOSX, a shadow of their folders without pictures.
    return [path for path in entries(folder) if path.is_dir() and path.name != "__MACOSX"]


def _some(names):
    more = len(names) - LISTED
    return ", ".join(names[:LISTED]) + (f" and {more} more" if more > 0 else "")


def _size(pixels):
    return f"{pixels.shape[1]}x{pixels.shape[0]}"
