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

    Attributes
    ----------
    path : Path
        JPEG file, or a file with the decoded pixels.
    original : str or None
        Name of the original; None where nothing in the set states it.
    quality : int or None
        JPEG quality of the folder that it lies in.
    bits_per_pixel : float or None
        As a list, or the file's name, states it.
    is_lossless : bool or None
        Whether it is stated to be a copy of the original; None where nothing is stated.
    score : float or None
        Mean opinion of human raters, on the scale of the set's `score_name`.
    """

    path: Path
    original: str | None
    quality: int | None = None
    bits_per_pixel: float | None = None
    is_lossless: bool | None = None
    score: float | None = None


@dataclass(frozen=True)
class Layout:
    """A folder's originals and their versions.

    Attributes
    ----------
    name : str
        Shown to the user.
    originals : dict of str to Path
        By canonical name.
    versions : tuple of Version
    qualities : dict of int to Path
        Folders of versions by JPEG quality, complete or not.
    score_name : str
        Scale of the versions' scores.
    notices : tuple of str
        Sentences for the user.
    """

    name: str
    originals: dict[str, Path]
    versions: tuple[Version, ...] = ()
    qualities: dict[int, Path] = field(default_factory=dict)
    score_name: str = ""
    notices: tuple[str, ...] = ()


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
    """Return the notice that these images are left out, in a tuple; an empty one for no images."""
    if not paths:
        return ()
    names = some([path.name for path in paths])
    return (f"{folder}: images that are no part of the set are left out ({names})",)
