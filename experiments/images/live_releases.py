"""LIVE's two releases: numbered images, told apart by lists and score files."""

from pathlib import Path

from experiments.images import live_metadata
from experiments.images.errors import ImageError
from experiments.images.files import images_in
from experiments.images.folders import ORIGINALS, Layout, Place, left_out, loose, named
from experiments.images.layouts import Version
from experiments.images.live1 import LIVE1, canonical_name
from experiments.system.errors import some


def release_2(place):
    """Recognise LIVE's release 2: refimgs, and jpeg with img1 to img233."""
    originals, jpeg = place.first(ORIGINALS), place.folders.get("jpeg")
    versions = _numbered(images_in(jpeg)) if jpeg else {}
    if originals is None or not versions:
        return None
    names = named(images_in(originals), originals)
    listed, notices = _listed(place, jpeg, versions)
    scores, score_name, faults = _dmos(place)
    made, more = _listed_versions(versions, listed, names, scores, jpeg)
    others = [path.name for path in images_in(jpeg) if path not in versions.values()]
    notices = (*notices, *faults, *more, *left_out(jpeg, others), *loose(place))
    return Layout("LIVE release 2", names, made, score_name=score_name, notices=notices)


def release_1(place):
    """Recognise LIVE's release 1, JPEG: originals and img1 to img233 in one folder."""
    versions = _numbered(place.images)
    info = place.files.get("jpeginfo.txt") or place.files.get("info.txt")
    if not versions:
        return None
    listed, notices = _tried(live_metadata.read_list, info) if info else ({}, [])
    of_list = {Path(entry.original).stem for entry in listed.values()}
    others = [path for path in place.images if path not in versions.values()]
    known = [path for path in others if canonical_name(path.stem) in LIVE1]
    if listed and not others:
        raise ImageError(
            f"{place.folder}: LIVE's compressed images without their originals; name the folder "
            "that holds both"
        )
    # A camera names its images img1, too: those are versions only beside a list or LIVE1.
    if not listed and 2 * len(known) <= len(others):
        return None
    originals = [path for path in others if path in known or path.stem.lower() in of_list]
    if not originals:
        return None
    names = named(originals, place.folder)
    scores, faults = _raw_scores(place)
    made, more = _listed_versions(versions, listed or None, names, scores, place.folder)
    strangers = [path.name for path in others if path not in originals]
    notices = (*notices, *faults, *more, *left_out(place.folder, strangers))
    score_name = live_metadata.RAW if scores else ""
    return Layout("LIVE release 1, JPEG", names, made, score_name=score_name, notices=notices)


def _listed(place, jpeg, versions):
    """Tell the original of each numbered image: by the list, by release 2's names, or None."""
    listed, notices = {}, []
    if info := Place(jpeg).files.get("info.txt"):
        listed, notices = _tried(live_metadata.read_list, info)
    if not listed and (references := place.files.get("refnames_all.mat")):
        files, faults = _tried(live_metadata.read_reference_names, references)
        notices = [*notices, *faults]
        listed = {n: live_metadata.Entry(file, None) for n, file in files.items() if n in versions}
    return listed or None, notices


def _dmos(place):
    """Read the better of release 2's score files that can be read: scores, their name, notices."""
    notices = []
    for file, name in (
        ("dmos_realigned.mat", live_metadata.REALIGNED),
        ("dmos.mat", live_metadata.RELEASED),
    ):
        if file in place.files:
            scores, faults = _tried(live_metadata.read_dmos, place.files[file])
            notices += faults
            if scores:
                return scores, name, notices
    return {}, "", notices


def _raw_scores(place):
    """Average the raw scores of both sessions, as far as their files are there."""
    scores, notices = {}, []
    for file in ("subjectscores1.txt", "subjectscores2.txt"):
        if file in place.files:
            found, faults = _tried(live_metadata.read_raw_scores, place.files[file])
            scores |= found
            notices += faults
    return scores, notices


def _tried(read, path):
    """Read what images can do without; where that fails, say so and go on with nothing."""
    try:
        return read(path)
    except ImageError as error:
        return {}, [f"{error}; left out"]


def _listed_versions(images, listed, originals, scores, folder):
    """Make a version of each numbered image that the list, where there is one, knows.

    Gives the versions, and a sentence for each way in which list and folder differ.
    """
    if listed is None:
        versions = [Version(path, None, score=scores.get(n)) for n, path in images.items()]
        return tuple(versions), []
    by_name = {name.casefold(): name for name in originals}
    versions, strangers = [], []
    for number, path in images.items():
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
    unlisted = [path.name for number, path in images.items() if number not in listed]
    missing = [f"img{number}" for number in sorted(listed.keys() - images.keys())]
    faults = [
        f"{folder}: {len(names)} {what} ({some(names)}); left out"
        for what, names in (
            ("images are not in the list", unlisted),
            ("images of the list are missing", missing),
            ("images have an original that is missing", strangers),
        )
        if names
    ]
    return tuple(versions), faults


def _numbered(paths):
    """Map N to the image ``imgN``, in the order of N."""
    found = {}
    for path in paths:
        number = live_metadata.numbered(path)
        if number is not None and found.setdefault(number, path) is not path:
            raise ImageError(
                f"{path.parent}: {found[number].name} and {path.name} share one number; keep one"
            )
    return dict(sorted(found.items()))
