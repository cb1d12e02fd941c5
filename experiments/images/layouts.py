"""Layouts of a set's folder: originals, and compressed versions of them."""

import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

from experiments.images.folders import require_distinct
from experiments.images.live1 import canonical_name
from experiments.system.errors import some

ORIGINALS = ("refimgs", "originals", "original", "references", "reference")


@dataclass(frozen=True)
class Version:
    """A compressed image of a set, as the set's folders, lists and score files describe it.

    None stands for what nothing in the set states.
    """

    path: Path  # a JPEG file, or a file with the decoded pixels
    original: str | None  # its name
    quality: int | None = None  # JPEG quality of the folder that it lies in
    bits_per_pixel: float | None = None  # as a list, or the file's name, states it
    is_lossless: bool | None = None  # stated to be a copy of the original
    score: float | None = None  # mean opinion of human raters, on the set's scale


@dataclass(frozen=True)
class Layout:
    """A folder's originals and their versions."""

    name: str  # shown to the user
    originals: dict[str, Path]  # by canonical name
    versions: tuple[Version, ...] = ()
    # Folders of versions by JPEG quality, complete or not.
    qualities: dict[int, Path] = field(default_factory=dict)
    score_name: str = ""  # scale of the versions' scores
    notices: tuple[str, ...] = ()  # sentences for the user


def by_name(paths, folder, others=()):
    """Map canonical names to paths, sorted; a name in `others` decides upper and lower case."""
    require_distinct(paths, folder)
    # Some systems write an accent as a character of its own.
    stems = [unicodedata.normalize("NFC", path.stem) for path in paths]
    names = list(map(canonical_name, stems))
    # A folder with lighthouse and lighthouse3 is not LIVE1: there the alias means nothing.
    if len(set(names)) != len(names):
        names = stems
    spelling = {name.casefold(): name for name in others}
    spelt = (spelling.get(name.casefold(), name) for name in names)
    return dict(sorted(zip(spelt, paths, strict=True)))


def left_out(folder, paths):
    """Return a tuple with a notice about these skipped images; empty if there are none."""
    if not paths:
        return ()
    names = some([path.name for path in paths])
    return (f"{folder}: images that are no part of the set are left out ({names})",)
