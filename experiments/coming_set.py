"""A stand-in for the set's coming interface: its versions, and how they are read."""

from dataclasses import dataclass
from pathlib import Path

from experiments.pictures import PictureError, open_set, read_picture


@dataclass(frozen=True)
class Version:
    """A version, as the set knows it."""

    path: Path
    original: str | None
    quality: int | None = None
    bits_per_pixel: float | None = None
    is_lossless: bool | None = None
    score: float | None = None


@dataclass(frozen=True, eq=False)
class ComingSet:
    """A set, with its versions."""

    name: str
    folder: Path | None
    originals: tuple
    versions: tuple = ()
    notices: tuple = ()
    layout: str = "a plain folder"
    score_name: str = ""

    def read_version(self, version):
        """Read a version of the size of its original."""
        picture = read_picture(version.path)
        (original,) = (p for p in self.originals if p.name == version.original)
        if picture.pixels.shape != original.pixels.shape:
            height, width = picture.pixels.shape[:2]
            rows, columns = original.pixels.shape[:2]
            raise PictureError(
                f"{version.path}: {width}x{height} pixels, but its original has {columns}x{rows}"
            )
        return picture


def open_coming_set(data):
    """Open a set."""
    found = open_set(data)
    names = {picture.name for picture in found.originals}
    versions = tuple(
        Version(path, name if name in names else None, quality)
        for quality, partners in found.compressed.items()
        for name, path in partners.items()
    )
    layout = "refimgs beside qf folders" if versions else "a plain folder"
    if found.folder is None:
        layout = "the photographs inside scikit-image"
    return ComingSet(found.name, found.folder, found.originals, versions, found.notices, layout, "")
