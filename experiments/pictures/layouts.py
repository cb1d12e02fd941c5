"""How people lay out originals and their JPEG versions in folders; told by what lies in them."""

import os
import re
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

from experiments.pictures import live_files
from experiments.pictures.errors import PictureError, some
from experiments.pictures.files import entries, pictures_in, require_distinct
from experiments.pictures.live1 import LIVE1, canonical_name
from experiments.pictures.versions import Version

ORIGINALS = ("refimgs", "originals", "original", "references", "reference")
GREY_ORIGINALS = ("refimgs-gray", "refimgs-grey", "refimgs_gray", "refimgs_grey")
LOOKED_FOR = (
    "pictures here or in originals; refimgs beside qf10, qf20 ..., color/qf_10 ... or jpeg/img1 "
    "...; pictures beside lr_10 ... or beside img1 ... and jpeginfo.txt; original beside "
    "compressed/NAME_0_5838 ..."
)
UNREAD = (".gif", ".jp2", ".heic", ".heif", ".avif", ".jxl", ".dng", ".svg")
NESTED = 2  # so many folders deep a set may lie in the one that is named


@dataclass(frozen=True)
class Layout:
    """What a folder's files are to each other.

    `originals` are paths by canonical name; `qualities` are folders of versions by JPEG quality,
    complete or not; `notices` are sentences for the user.
    """

    name: str
    originals: dict[str, Path]
    versions: tuple[Version, ...] = ()
    qualities: dict[int, Path] = field(default_factory=dict)
    score_name: str = ""
    notices: tuple[str, ...] = ()


class _Place:
    """A folder's pictures, and its subfolders and other files by their name in small letters."""

    def __init__(self, folder):
        self.folder = folder
        found = entries(folder)
        # Archives made on a Mac bring __MACOSX, a shadow of their folders without pictures.
        self.folders = {p.name.lower(): p for p in found if p.is_dir() and p.name != "__MACOSX"}
        self.pictures = pictures_in(folder)
        self.files = {p.name.lower(): p for p in found if not p.is_dir()}

    def first(self, names):
        """Give the first subfolder of one of these names that holds pictures; None if none."""
        there = (self.folders[name] for name in names if name in self.folders)
        return next((folder for folder in there if pictures_in(folder)), None)


def recognise(folder):
    """Tell what is what in a folder, or in a folder within it.

    Raises
    ------
    PictureError
        If it is laid out in no known way, or holds several sets: says what was looked for and
        what was found.
    """
    folder = Path(folder)
    inside = _search(folder, NESTED)
    if len(inside) == 1:
        return inside[0][1]
    if inside:
        names = some([str(path.relative_to(folder)) for path, _ in inside])
        raise PictureError(f"{folder}: holds several sets ({names}); name one of them")
    found = some([path.name for path in entries(folder)]) or "nothing"
    raise PictureError(f"{folder}: looked for {LOOKED_FOR}; found {found}")


def _search(folder, deeper):
    """List (folder, layout) of the sets that lie here; only if none does, further inside."""
    place = _Place(folder)
    for form in (_by_quality, _release_2, _rate_in_name, _release_1, _plain):
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
            notices = _loose(place)
    elif color and (folders := _quality_folders(color)):
        originals = place.first(ORIGINALS)
        if grey:
            notices = [f"{grey}: grey versions are left out; name that folder for them"]
    elif grey and (folders := _quality_folders(grey)):
        originals = place.first(GREY_ORIGINALS)
    if not folders:
        return None
    if originals is None:
        raise PictureError(
            f"{place.folder}: JPEG versions of {len(folders)} qualities, but no originals: looked "
            "for refimgs, originals, pictures beside them, and for grey ones refimgs-gray"
        )
    names = _named(pictures_in(originals), originals)
    versions = [
        Version(path, name, quality=quality)
        for quality in sorted(folders)
        for name, path in _named(pictures_in(folders[quality]), folders[quality], names).items()
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
    if place.pictures:
        return place.folder
    here = Path(os.path.abspath(place.folder))  # the name that "." stands for
    is_grey = here.name.lower() in ("gray", "grey")
    return _Place(here.parent).first(GREY_ORIGINALS if is_grey else ORIGINALS)


def _quality_folders(folder):
    """Map each quality to its folder: qf10, QF_20, lr_30, ..."""
    qualities = {}
    for path in _Place(folder).folders.values():
        match = re.fullmatch(r"(?:qf|lr|quality)[_-]?(\d+)", path.name.lower(), re.ASCII)
        if match is None:
            continue
        quality = int(match[1])
        if not 1 <= quality <= 100:
            raise PictureError(f"{path}: a JPEG quality is from 1 to 100")
        other = qualities.setdefault(quality, path)
        if other is not path:
            raise PictureError(f"{folder}: {other.name} and {path.name} are one quality; keep one")
    return qualities if any(map(pictures_in, qualities.values())) else {}


def _release_2(place):
    """Recognise LIVE's release 2: refimgs, and jpeg with img1 to img233."""
    originals, jpeg = place.first(ORIGINALS), place.folders.get("jpeg")
    versions = _numbered(pictures_in(jpeg)) if jpeg else {}
    if originals is None or not versions:
        return None
    names = _named(pictures_in(originals), originals)
    listed, notices = _listed(place, jpeg, versions)
    scores, score_name, faults = _dmos(place)
    made, more = _listed_versions(versions, listed, names, scores, jpeg)
    others = [path.name for path in pictures_in(jpeg) if path not in versions.values()]
    notices = (*notices, *faults, *more, *_left_out(jpeg, others), *_loose(place))
    return Layout("LIVE release 2", names, made, score_name=score_name, notices=notices)


def _listed(place, jpeg, versions):
    """Tell the original of each numbered picture: by the list, by release 2's names, or None."""
    listed, notices = {}, []
    if info := _Place(jpeg).files.get("info.txt"):
        listed, notices = _tried(live_files.read_list, info)
    if not listed and (references := place.files.get("refnames_all.mat")):
        files, faults = _tried(live_files.read_reference_names, references)
        notices = [*notices, *faults]
        listed = {n: live_files.Entry(file, None) for n, file in files.items() if n in versions}
    return listed or None, notices


def _dmos(place):
    """Read the better of release 2's score files that can be read: scores, their name, notices."""
    notices = []
    for file, name in (
        ("dmos_realigned.mat", live_files.REALIGNED),
        ("dmos.mat", live_files.RELEASED),
    ):
        if file in place.files:
            scores, faults = _tried(live_files.read_dmos, place.files[file])
            notices += faults
            if scores:
                return scores, name, notices
    return {}, "", notices


def _tried(read, path):
    """Read what pictures can do without; where that fails, say so and go on with nothing."""
    try:
        return read(path)
    except PictureError as error:
        return {}, [f"{error}; left out"]


def _release_1(place):
    """Recognise LIVE's release 1, JPEG: originals and img1 to img233 in one folder."""
    versions = _numbered(place.pictures)
    info = place.files.get("jpeginfo.txt") or place.files.get("info.txt")
    if not versions:
        return None
    listed, notices = _tried(live_files.read_list, info) if info else ({}, [])
    named = {Path(entry.original).stem for entry in listed.values()}
    others = [path for path in place.pictures if path not in versions.values()]
    known = [path for path in others if canonical_name(path.stem) in LIVE1]
    if listed and not others:
        raise PictureError(
            f"{place.folder}: LIVE's compressed pictures without their originals; name the folder "
            "that holds both"
        )
    # A camera names its pictures img1, too: those are versions only beside a list or LIVE1.
    if not listed and 2 * len(known) <= len(others):
        return None
    originals = [path for path in others if path in known or path.stem.lower() in named]
    names = _named(originals, place.folder)
    scores, faults = _raw_scores(place)
    made, more = _listed_versions(versions, listed or None, names, scores, place.folder)
    strangers = [path.name for path in others if path not in originals]
    notices = (*notices, *faults, *more, *_left_out(place.folder, strangers))
    score_name = live_files.RAW if scores else ""
    return Layout("LIVE release 1, JPEG", names, made, score_name=score_name, notices=notices)


def _raw_scores(place):
    """Average the raw scores of both sessions, as far as their files are there."""
    scores, notices = {}, []
    for file in ("subjectscores1.txt", "subjectscores2.txt"):
        if file in place.files:
            found, faults = _tried(live_files.read_raw_scores, place.files[file])
            scores |= found
            notices += faults
    return scores, notices


def _loose(place):
    """Say which pictures beside a set's folders are left out."""
    return _left_out(place.folder, [path.name for path in place.pictures])


def _left_out(folder, names):
    if not names:
        return ()
    return (f"{folder}: pictures that are no part of the set are left out ({some(names)})",)


def _listed_versions(pictures, listed, originals, scores, folder):
    """Make a version of each numbered picture that the list, where there is one, knows.

    Gives the versions, and a sentence for each way in which list and folder differ.
    """
    if listed is None:
        versions = [Version(path, None, score=scores.get(n)) for n, path in pictures.items()]
        return tuple(versions), []
    by_name = {name.casefold(): name for name in originals}
    versions, strangers = [], []
    for number, path in pictures.items():
        if number not in listed:
            continue
        file, rate = listed[number]
        original = by_name.get(canonical_name(Path(file).stem).casefold())
        if original is None:
            strangers.append(path.name)
            continue
        is_lossless = None if rate is None else rate == 0
        rate = None if is_lossless else rate
        versions.append(Version(path, original, None, rate, is_lossless, scores.get(number)))
    unlisted = [path.name for number, path in pictures.items() if number not in listed]
    missing = [f"img{number}" for number in sorted(listed.keys() - pictures.keys())]
    faults = [
        f"{folder}: {len(names)} {what} ({some(names)}); left out"
        for what, names in (
            ("pictures are not in the list", unlisted),
            ("pictures of the list are missing", missing),
            ("pictures have an original that is missing", strangers),
        )
        if names
    ]
    return tuple(versions), faults


def _rate_in_name(place):
    """Recognise originals beside compressed/NAME_0_5838: the bits per pixel are in the name."""
    originals, compressed = place.first(ORIGINALS), place.folders.get("compressed")
    if originals is None or compressed is None or not pictures_in(compressed):
        return None
    names = _named(pictures_in(originals), originals)
    by_name = {name.casefold(): name for name in names}
    versions, odd = [], []
    for path in pictures_in(compressed):
        match = re.fullmatch(r"(.+)_(\d+)_(\d+)", path.stem, re.ASCII)
        original = by_name.get(canonical_name(match[1]).casefold()) if match else None
        if original is None:
            odd.append(path.name)
        else:
            rate = float(f"{match[2]}.{match[3]}")
            versions.append(Version(path, original, None, rate or None, rate == 0))
    notices = (
        f"{compressed}: {len(odd)} pictures are not named by an original and a rate, as "
        f"NAME_0_5838 ({some(odd)}); left out",
    )
    name = "originals beside compressed pictures with their rate in the name"
    return Layout(name, names, tuple(versions), notices=notices if odd else ())


def _plain(place):
    """Recognise originals alone."""
    folder = place.folder if place.pictures else place.first(ORIGINALS)
    if folder is None:
        return None
    inside = [path.name for path in place.folders.values() if path != folder and pictures_in(path)]
    unread = [path.name for name, path in place.files.items() if name.endswith(UNREAD)]
    notices = [
        f"{place.folder}: {what} ({some(names)})"
        for what, names in (
            ("folders of pictures beside these are left out", inside),
            ("files of kinds that are not read are left out", unread),
        )
        if names
    ]
    names = _named(pictures_in(folder), folder)
    return Layout("a plain folder", names, notices=tuple(notices))


def _any(place, names):
    return next((place.folders[name] for name in names if name in place.folders), None)


def _numbered(paths):
    """Map N to the picture ``imgN``, in the order of N."""
    found = {}
    for path in paths:
        number = live_files.numbered(path)
        if number is not None and found.setdefault(number, path) is not path:
            raise PictureError(
                f"{path.parent}: {found[number].name} and {path.name} share one number; keep one"
            )
    return dict(sorted(found.items()))


def _named(paths, folder, others=()):
    """Map canonical names to paths, sorted by name; the spelling of `others` counts, if given."""
    require_distinct(paths, folder)
    # Some systems write an accent as a character of its own.
    names = [canonical_name(unicodedata.normalize("NFC", path.stem)) for path in paths]
    # A folder with lighthouse and lighthouse3 is not LIVE1: there the alias means nothing.
    if len(set(names)) != len(names):
        names = [unicodedata.normalize("NFC", path.stem) for path in paths]
    # Where a system kept the case of one folder only, the originals' spelling counts.
    spelling = {name.casefold(): name for name in others}
    named = {spelling.get(n.casefold(), n): path for n, path in zip(names, paths, strict=True)}
    return dict(sorted(named.items()))
