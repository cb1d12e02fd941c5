"""Recognise how a folder lays out originals and their JPEG versions, by its content."""

import os
import re
from pathlib import Path

from experiments.images.errors import ImageError
from experiments.images.folders import Folder, entries, images_in
from experiments.images.layouts import ORIGINALS, Layout, Version, by_name, left_out
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
NESTED = 2  # levels of folders in which a set is searched for


def recognise(path):
    """Return the `Layout` of a folder, or of the one set in a folder within it.

    Raises `ImageError` if no known layout fits, or several sets are there.
    """
    path = Path(path)
    layouts = _search(path, NESTED)
    if len(layouts) == 1:
        return layouts[0][1]
    if layouts:
        names = some([str(inner.relative_to(path)) for inner, _ in layouts])
        raise ImageError(f"{path}: holds several sets ({names}); name one of them")
    content = some([entry.name for entry in entries(path)]) or "nothing"
    raise ImageError(f"{path}: looked for {LOOKED_FOR}; found {content}")


def _search(path, levels):
    """List (path, layout) of the set that lies here; if there is none, of those further inside."""
    folder = Folder(path)
    for form in (_by_quality, release_2, _rate_in_name, release_1, _plain):
        layout = form(folder)
        if layout is not None:
            return [(path, layout)]
    if levels == 0:
        return []
    return [layout for inner in folder.folders.values() for layout in _search(inner, levels - 1)]


def _by_quality(folder):
    """Recognise originals, and a folder of versions for each quality."""
    color = _any(folder, ("color", "colour"))
    grey = _any(folder, ("gray", "grey"))
    notices = ()
    if qualities := _quality_folders(folder.path):
        originals = _originals_beside(folder)
        if originals != folder.path:
            notices = left_out(folder.path, folder.images)
    elif color and (qualities := _quality_folders(color)):
        originals = folder.first(ORIGINALS)
        if grey:
            notices = (f"{grey}: grey versions are left out; name that folder for them",)
    elif grey and (qualities := _quality_folders(grey)):
        originals = folder.first(GREY_ORIGINALS)
    if not qualities:
        return None
    if originals is None:
        raise ImageError(
            f"{folder.path}: JPEG versions of {len(qualities)} qualities, but no originals: looked "
            "for refimgs, originals, images beside them, and for grey ones refimgs-gray"
        )
    names = by_name(images_in(originals), originals)
    versions = tuple(
        Version(path, name, quality=quality)
        for quality, inner in sorted(qualities.items())
        for name, path in by_name(images_in(inner), inner, names).items()
    )
    name = "originals beside a folder for each JPEG quality"
    return Layout(name, names, versions, qualities, notices=notices)


def _originals_beside(folder):
    """Find the originals of a folder of versions: in it, or beside it for color/ and gray/."""
    if originals := folder.first(ORIGINALS):
        return originals
    if folder.images:
        return folder.path
    here = Path(os.path.abspath(folder.path))  # the name that "." stands for
    is_grey = here.name.lower() in ("gray", "grey")
    return Folder(here.parent).first(GREY_ORIGINALS if is_grey else ORIGINALS)


def _quality_folders(path):
    """Map each quality to its folder: qf10, QF_20, lr_30, ..."""
    qualities = {}
    for inner in Folder(path).folders.values():
        match = re.fullmatch(r"(?:qf|lr|quality)[_-]?(\d+)", inner.name.lower(), re.ASCII)
        if match is None:
            continue
        quality = int(match[1])
        if not 1 <= quality <= 100:
            raise ImageError(f"{inner}: a JPEG quality is from 1 to 100")
        other = qualities.setdefault(quality, inner)
        if other is not inner:
            raise ImageError(f"{path}: {other.name} and {inner.name} are one quality; keep one")
    return qualities if any(map(images_in, qualities.values())) else {}


def _rate_in_name(folder):
    """Recognise originals beside compressed/NAME_0_5838: the bits per pixel are in the name."""
    originals, compressed = folder.first(ORIGINALS), folder.folders.get("compressed")
    if originals is None or compressed is None or not images_in(compressed):
        return None
    names = by_name(images_in(originals), originals)
    spelling = {name.casefold(): name for name in names}
    versions, odd = [], []
    for path in images_in(compressed):
        match = re.fullmatch(r"(.+)_(\d+)_(\d+)", path.stem, re.ASCII)
        original = spelling.get(canonical_name(match[1]).casefold()) if match else None
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


def _plain(folder):
    """Recognise originals alone."""
    path = folder.path if folder.images else folder.first(ORIGINALS)
    if path is None:
        return None
    beside = [p.name for p in folder.folders.values() if p != path and images_in(p)]
    unread = [p.name for name, p in folder.files.items() if name.endswith(UNREAD)]
    notices = tuple(
        f"{folder.path}: {kind} ({some(names)})"
        for kind, names in (
            ("folders of images beside these are left out", beside),
            ("files of kinds that are not read are left out", unread),
        )
        if names
    )
    return Layout("a plain folder", by_name(images_in(path), path), notices=notices)


def _any(folder, names):
    return next((folder.folders[name] for name in names if name in folder.folders), None)
