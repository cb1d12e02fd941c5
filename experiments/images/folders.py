"""A folder that may be laid out in some way, and what is found to be in it."""

import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

from experiments.images.files import entries, images_in, require_distinct
from experiments.images.layouts import Version
from experiments.images.live1 import canonical_name
from experiments.system.errors import some

ORIGINALS = ("refimgs", "originals", "original", "references", "reference")


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


class Place:
    """A folder's images, and its subfolders and other files by their name in small letters."""

    def __init__(self, folder):
        self.folder = folder
        found = entries(folder)
        # Archives made on a Mac bring __MACOSX, a shadow of their folders without images.
        self.folders = {p.name.lower(): p for p in found if p.is_dir() and p.name != "__MACOSX"}
        self.images = images_in(folder)
        self.files = {p.name.lower(): p for p in found if not p.is_dir()}

    def first(self, names):
        """Give the first subfolder of one of these names that holds images; None if none."""
        there = (self.folders[name] for name in names if name in self.folders)
        return next((folder for folder in there if images_in(folder)), None)


def named(paths, folder, others=()):
    """Map canonical names to paths, sorted by name; the spelling of `others` counts, if given."""
    require_distinct(paths, folder)
    # Some systems write an accent as a character of its own.
    names = [canonical_name(unicodedata.normalize("NFC", path.stem)) for path in paths]
    # A folder with lighthouse and lighthouse3 is not LIVE1: there the alias means nothing.
    if len(set(names)) != len(names):
        names = [unicodedata.normalize("NFC", path.stem) for path in paths]
    # Where a system kept the case of one folder only, the originals' spelling counts.
    spelling = {name.casefold(): name for name in others}
    found = {spelling.get(n.casefold(), n): path for n, path in zip(names, paths, strict=True)}
    return dict(sorted(found.items()))


def left_out(folder, names):
    """Say that images of these names are left out, in a tuple of one sentence or none."""
    if not names:
        return ()
    return (f"{folder}: images that are no part of the set are left out ({some(names)})",)


def loose(place):
    """Say which images beside a set's folders are left out."""
    return left_out(place.folder, [path.name for path in place.images])
