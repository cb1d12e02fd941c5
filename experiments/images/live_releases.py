"""LIVE's two releases: numbered images, paired with originals by lists and score files."""

from pathlib import Path

from experiments.images import live_metadata
from experiments.images.errors import ImageError
from experiments.images.folders import Folder, images_in
from experiments.images.layouts import ORIGINALS, Layout, Version, by_name, left_out
from experiments.images.live1 import LIVE1, canonical_name
from experiments.system.errors import some


def release_2(folder):
    """Recognise LIVE's release 2: refimgs, and jpeg with img1 to img233."""
    originals, jpeg = folder.first(ORIGINALS), folder.folders.get("jpeg")
    images = _numbered(images_in(jpeg)) if jpeg else {}
    if originals is None or not images:
        return None
    names = by_name(images_in(originals), originals)
    listed, notices = _listed(folder, jpeg, images)
    scores, score_name, faults = _dmos(folder)
    versions, differences = _versions(images, listed, names, scores, jpeg)
    others = [path for path in images_in(jpeg) if path not in images.values()]
    strangers = (*left_out(jpeg, others), *left_out(folder.path, folder.images))
    notices = (*notices, *faults, *differences, *strangers)
    return Layout("LIVE release 2", names, versions, score_name=score_name, notices=notices)


def release_1(folder):
    """Recognise LIVE's release 1, JPEG: originals and img1 to img233 in one folder."""
    images = _numbered(folder.images)
    info = folder.files.get("jpeginfo.txt") or folder.files.get("info.txt")
    if not images:
        return None
    listed, notices = _read_optional(live_metadata.read_list, info) if info else ({}, [])
    others = [path for path in folder.images if path not in images.values()]
    if listed and not others:
        raise ImageError(
            f"{folder.path}: LIVE's compressed images without their originals; name the folder "
            "that holds both"
        )
    of_live1 = [path for path in others if canonical_name(path.stem) in LIVE1]
    # A camera names its images img1, too: those are versions only beside a list or LIVE1.
    if not listed and 2 * len(of_live1) <= len(others):
        return None
    of_list = {Path(entry.original).stem for entry in listed.values()}
    originals = [path for path in others if path in of_live1 or path.stem.lower() in of_list]
    if not originals:
        return None
    names = by_name(originals, folder.path)
    scores, faults = _raw_scores(folder)
    versions, differences = _versions(images, listed or None, names, scores, folder.path)
    strangers = left_out(folder.path, [path for path in others if path not in originals])
    notices = (*notices, *faults, *differences, *strangers)
    score_name = live_metadata.RAW if scores else ""
    return Layout("LIVE release 1, JPEG", names, versions, score_name=score_name, notices=notices)


def _listed(folder, jpeg, images):
    """Map image numbers to entries of the list, or of release 2's names; None without both."""
    listed, notices = {}, []
    if info := Folder(jpeg).files.get("info.txt"):
        listed, notices = _read_optional(live_metadata.read_list, info)
    if not listed and (references := folder.files.get("refnames_all.mat")):
        files, faults = _read_optional(live_metadata.read_reference_names, references)
        notices = [*notices, *faults]
        listed = {n: live_metadata.Entry(file, None) for n, file in files.items() if n in images}
    return listed or None, notices


def _dmos(folder):
    """Read release 2's DMOS, realigned if available: (scores, name of the scale, notices)."""
    notices = []
    for file, name in (
        ("dmos_realigned.mat", live_metadata.REALIGNED),
        ("dmos.mat", live_metadata.RELEASED),
    ):
        if file in folder.files:
            scores, faults = _read_optional(live_metadata.read_dmos, folder.files[file])
            notices += faults
            if scores:
                return scores, name, notices
    return {}, "", notices


def _raw_scores(folder):
    """Average the raw scores of both sessions, as far as their files are there."""
    scores, notices = {}, []
    for file in ("subjectscores1.txt", "subjectscores2.txt"):
        if file in folder.files:
            means, faults = _read_optional(live_metadata.read_raw_scores, folder.files[file])
            scores |= means
            notices += faults
    return scores, notices


def _read_optional(read, path):
    """Read a file that a set can do without; a failure becomes a notice."""
    try:
        return read(path)
    except ImageError as error:
        return {}, [f"{error}; left out"]


def _versions(images, listed, originals, scores, folder):
    """Build a version of each numbered image that the list, where there is one, names.

    Returns them, and a sentence for each way in which list and folder differ.
    """
    if listed is None:
        return tuple(Version(path, None, score=scores.get(n)) for n, path in images.items()), []
    spelling = {name.casefold(): name for name in originals}
    versions, strangers = [], []
    for number, path in images.items():
        if number not in listed:
            continue
        file, rate = listed[number]
        original = spelling.get(canonical_name(Path(file).stem).casefold())
        if original is None:
            strangers.append(path.name)
            continue
        is_lossless = None if rate is None else rate == 0
        rate = None if is_lossless else rate
        versions.append(Version(path, original, None, rate, is_lossless, scores.get(number)))
    unlisted = [path.name for number, path in images.items() if number not in listed]
    missing = [f"img{number}" for number in sorted(listed.keys() - images.keys())]
    return tuple(versions), [
        f"{folder}: {len(names)} {kind} ({some(names)}); left out"
        for kind, names in (
            ("images are not in the list", unlisted),
            ("images of the list are missing", missing),
            ("images have an original that is missing", strangers),
        )
        if names
    ]


def _numbered(paths):
    """Map N to the image ``imgN``, in the order of N."""
    images = {}
    for path in paths:
        number = live_metadata.numbered(path)
        if number is not None and images.setdefault(number, path) is not path:
            raise ImageError(
                f"{path.parent}: {images[number].name} and {path.name} share one number; keep one"
            )
    return dict(sorted(images.items()))
