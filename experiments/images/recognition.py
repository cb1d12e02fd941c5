"""How people lay out originals and their JPEG versions in folders; told by what lies in them."""

import os
import re
from pathlib import Path

from experiments.images.errors import ImageError
from experiments.images.files import entries, images_in
from experiments.images.folders import ORIGINALS, Layout, Place, loose, named
from experiments.images.layouts import Version
from experiments.images.live1 import canonical_name
from experiments.images.live_releases import release_1, release_2
from experiments.system.errors import some

GREY_ORIGINALS = ("refimgs-gray", "refimgs-grey", "refimgs_gray", "refimgs_grey")
LOOKED_FOR = (
    "images here or in originals; refimgs beside qf10, qf20 ..., color/qf_10 ... or jpeg/img1 "
    "...; images beside lr_10 ... or beside img1 ... and jpeginfo.txt; original beside "
    "compressed/NAME_0_5838 ..."
)
UNREAD = (".gif", ".jp2", ".heic", ".heif", ".avif", ".jxl", ".dng", ".svg")
NESTED = 2  # so many folders deep a set may lie in the one that is named


def recognise(folder):
    """Tell what is what in a folder, or in a folder within it.

    Raises
    ------
    ImageError
        If it is laid out in no known way, or holds several sets: says what was looked for and
        what was found.
    """
    folder = Path(folder)
    inside = _search(folder, NESTED)
    if len(inside) == 1:
        return inside[0][1]
    if inside:
        names = some([str(path.relative_to(folder)) for path, _ in inside])
        raise ImageError(f"{folder}: holds several sets ({names}); name one of them")
    found = some([path.name for path in entries(folder)]) or "nothing"
    raise ImageError(f"{folder}: looked for {LOOKED_FOR}; found {found}")


def _search(folder, deeper):
    """List (folder, layout) of the sets that lie here; only if none does, further inside."""
    place = Place(folder)
    for form in (_by_quality, release_2, _rate_in_name, release_1, _plain):
        layout = form(place)
        if layout is not None:
            return [(folder, layout)]
    if deeper == 0:
        return []
    return [found for path in place.folders.values() for found in _search(path, deeper - 1)]


def _by_quality(place):
    """Originals, and a folder of versions for each quality."""
    color = _any(place, ("color", "colour"))
    grey = _any(place, ("gray", "grey"))
    notices = []
    if folders := _quality_folders(place.folder):
        originals = _originals_beside(place)
        if originals != place.folder:
            notices = loose(place)
    elif color and (folders := _quality_folders(color)):
        originals = place.first(ORIGINALS)
        if grey:
            notices = [f"{grey}: grey versions are left out; name that folder for them"]
    elif grey and (folders := _quality_folders(grey)):
        originals = place.first(GREY_ORIGINALS)
    if not folders:
        return None
    if originals is None:
        raise ImageError(
            f"{place.folder}: JPEG versions of {len(folders)} qualities, but no originals: looked "
            "for refimgs, originals, images beside them, and for grey ones refimgs-gray"
        )
    names = named(images_in(originals), originals)
    versions = [
        Version(path, name, quality=quality)
        for quality in sorted(folders)
        for name, path in named(images_in(folders[quality]), folders[quality], names).items()
    ]
    return Layout(
        "originals beside a folder for each JPEG quality",
        names,
        tuple(versions),
        folders,
        notices=tuple(notices),
    )


def _originals_beside(place):
    """Find the originals of versions that lie here: here, or above where here is one colour."""
    if place.first(ORIGINALS) is not None:
        return place.first(ORIGINALS)
    if place.images:
        return place.folder
    here = Path(os.path.abspath(place.folder))  # the name that "." stands for
    is_grey = here.name.lower() in ("gray", "grey")
    return Place(here.parent).first(GREY_ORIGINALS if is_grey else ORIGINALS)


def _quality_folders(folder):
    """Map each quality to its folder: qf10, QF_20, lr_30, ..."""
    qualities = {}
    for path in Place(folder).folders.values():
        match = re.fullmatch(r"(?:qf|lr|quality)[_-]?(\d+)", path.name.lower(), re.ASCII)
        if match is None:
            continue
        quality = int(match[1])
        if not 1 <= quality <= 100:
            raise ImageError(f"{path}: a JPEG quality is from 1 to 100")
        other = qualities.setdefault(quality, path)
        if other is not path:
            raise ImageError(f"{folder}: {other.name} and {path.name} are one quality; keep one")
    return qualities if any(map(images_in, qualities.values())) else {}


def _rate_in_name(place):
    """Recognise originals beside compressed/NAME_0_5838: the bits per pixel are in the name."""
    originals, compressed = place.first(ORIGINALS), place.folders.get("compressed")
    if originals is None or compressed is None or not images_in(compressed):
        return None
    names = named(images_in(originals), originals)
    by_name = {name.casefold(): name for name in names}
    versions, odd = [], []
    for path in images_in(compressed):
        match = re.fullmatch(r"(.+)_(\d+)_(\d+)", path.stem, re.ASCII)
        original = by_name.get(canonical_name(match[1]).casefold()) if match else None
        if original is None:
            odd.append(path.name)
        else:
            rate = float(f"{match[2]}.{match[3]}")
            versions.append(Version(path, original, None, rate or None, rate == 0))
    notices = (
        f"{compressed}: {len(odd)} images are not named by an original and a rate, as "
        f"NAME_0_5838 ({some(odd)}); left out",
    )
    name = "originals beside compressed images with their rate in the name"
    return Layout(name, names, tuple(versions), notices=notices if odd else ())


def _plain(place):
    """Recognise originals alone."""
    folder = place.folder if place.images else place.first(ORIGINALS)
    if folder is None:
        return None
    inside = [path.name for path in place.folders.values() if path != folder and images_in(path)]
    unread = [path.name for name, path in place.files.items() if name.endswith(UNREAD)]
    notices = [
        f"{place.folder}: {what} ({some(names)})"
        for what, names in (
            ("folders of images beside these are left out", inside),
            ("files of kinds that are not read are left out", unread),
        )
        if names
    ]
    names = named(images_in(folder), folder)
    return Layout("a plain folder", names, notices=tuple(notices))


def _any(place, names):
    return next((place.folders[name] for name in names if name in place.folders), None)
