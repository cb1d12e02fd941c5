"""Sets of images: where they lie, their originals, and their JPEG versions."""

import difflib
import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from experiments.images.embedded import embedded_images
from experiments.images.errors import ImageError
from experiments.images.files import StoredImage, entries, read_image
from experiments.images.jpeg import jpeg_version
from experiments.images.jpeg_quality import is_jpeg
from experiments.images.layouts import Version
from experiments.images.originals import read_originals
from experiments.images.recognition import recognise
from experiments.images.store import Store
from experiments.images.thumbnails import most_alike, thumbnail
from experiments.system.errors import some

ROOT_VARIABLE = "FNNET_DATA"


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Originals, and the compressed versions that the set brings.

    Attributes
    ----------
    name : str
    folder : Path or None
        None for the embedded photographs.
    originals : tuple of StoredImage
        Sorted by name; names are canonical and unique. Pixels are kept in memory as far as its
        store has room, and else read again.
    layout : str
        How the folder is laid out, for people.
    versions : tuple of Version
        Whether they are what they are said to be is checked when one is read.
    qualities : mapping of int to Path
        The folder of each JPEG quality that has one. Whether it is complete is checked when the
        quality is asked for.
    score_name : str
        What the versions' scores are.
    notices : tuple of str
        What a user must know of the set and of how its images were read.
    """

    name: str
    folder: Path | None
    originals: tuple[StoredImage, ...]
    layout: str = "photographs of scikit-image"
    versions: tuple[Version, ...] = ()
    qualities: Mapping[int, Path] = field(default_factory=dict)
    score_name: str = ""
    notices: tuple[str, ...] = ()
    store: Store = field(default_factory=Store, repr=False)

    def read_version(self, version):
        """Read a version that the set brings.

        Returns
        -------
        StoredImage
            Under its original's name.

        Raises
        ------
        ImageError
            If it cannot be read, has no original, another size than that, or clearly shows
            another of the originals.
        """
        image, original = read_image(version.path), self._by_name.get(version.original)
        if original is None:
            raise ImageError(f"{version.path}: its original is not in the set")
        if image.shape != original.shape:
            raise ImageError(
                f"{version.path}: {_size(image)} pixels, but its original {original.path} has "
                f"{_size(original)}"
            )
        shown = most_alike(image.pixels, self._thumbnails[image.shape])
        if shown is not None and shown != original.name:
            raise ImageError(
                f"{version.path}: shows {shown}, not {original.name}, of which it is said to be "
                "a version"
            )
        return replace(image, name=original.name)

    @cached_property
    def _by_name(self):
        return {image.name: image for image in self.originals}

    @cached_property
    def _thumbnails(self):
        """Thumbnails of all originals, by shape and name."""
        found = {}
        for image in self.originals:
            found.setdefault(image.shape, {})[image.name] = thumbnail(image.pixels)
        return found

    def partners(self, quality):
        """Return the versions of a quality that has a folder, by their originals' names.

        Raises
        ------
        ImageError
            If an original has no version, or a version no original.
        """
        if fault := self.pairing_fault(quality):
            raise ImageError(f"{self.folder}: {fault}")
        return self._partners[quality]

    def pairing_fault(self, quality):
        """Return a clause that names originals and versions without a partner; None if all have."""
        partners, names = self._partners[quality].keys(), self._by_name.keys()
        missing, surplus = sorted(names - partners), sorted(partners - names)
        faults = []
        if missing:
            count = f"{len(missing)} of {len(names)}"
            faults.append(f"no partner of {count} originals ({some(missing)})")
        if surplus:
            faults.append(f"{len(surplus)} images without an original ({some(surplus)})")
        return f"{self.qualities[quality].name} has {' and '.join(faults)}" if faults else None

    @cached_property
    def _partners(self):
        partners = {quality: {} for quality in self.qualities}
        for version in self.versions:
            if version.quality in partners:
                partners[version.quality][version.original] = version
        return partners


def locate(data):
    """Find the folder that `data` means.

    Parameters
    ----------
    data : str or Path
        A folder; or, if there is none of that name, a set under the folder that the environment
        variable FNNET_DATA names.

    Raises
    ------
    ImageError
        If neither is there: tells what was looked for and which named sets there are.
    """
    if not str(data):
        raise ImageError("'': an empty name is neither a folder nor a set")
    try:
        folder = Path(data).expanduser()
        if folder.is_dir():
            return folder
        if folder.exists():
            raise ImageError(f"{data}: a file, not a folder of images")
    except (OSError, RuntimeError) as error:  # a name that is too long, a ~user that is not there
        raise ImageError(f"{data}: no such folder ({error})") from error
    root = os.environ.get(ROOT_VARIABLE)
    if not root:
        raise ImageError(
            f"{data}: no such folder, and {ROOT_VARIABLE}, which would name the folder of named "
            "sets, is not set"
        )
    if not Path(root).is_dir():
        raise ImageError(f"{data}: no such folder, and {ROOT_VARIABLE}={root} is no folder")
    if (Path(root) / data).is_dir():
        return Path(root) / data
    sets = [path.name for path in entries(root) if path.is_dir()]
    near = difflib.get_close_matches(str(data).lower(), sets, n=1)
    raise ImageError(
        f"{data}: neither a folder nor a set in {ROOT_VARIABLE}={root}, which has "
        f"{', '.join(sets) or 'none'}" + (f"; did you mean {near[0]}?" if near else "")
    )


def open_set(data=None, *, skip_damaged=False):
    """Read the originals of a set and find its compressed versions.

    Parameters
    ----------
    data : str, Path or None
        What `locate` takes; None means the embedded photographs.
    skip_damaged : bool
        Whether originals that cannot be read become notices; a mean over the rest is then not
        the set's.

    Returns
    -------
    ImageSet

    Raises
    ------
    ImageError
        If the set is not found, its layout is none that is known, or an original cannot be read.

    Notes
    -----
    Files belong together by their names, or by the list that the set brings; never by position.
    Versions that nothing names are given the original that they clearly resemble.
    """
    if data is None:
        return ImageSet("embedded", None, embedded_images())
    folder = locate(data)
    layout, store = recognise(folder), Store()
    originals, faults = read_originals(layout.originals, store)
    if len(faults) == 1 and not (skip_damaged and originals):
        raise ImageError(faults[0])
    if faults and not (skip_damaged and originals):
        raise ImageError(
            f"{folder}: {len(faults)} of {len(layout.originals)} images cannot be read: "
            f"{some(faults, '; ')}"
        )
    opened = ImageSet(
        name=Path(os.path.abspath(folder)).name,
        folder=folder,
        originals=originals,
        layout=layout.name,
        versions=layout.versions,
        qualities=layout.qualities,
        score_name=layout.score_name,
        notices=(*layout.notices, *faults, *(n for p in originals for n in p.notices)),
        store=store,
    )
    return _with_originals_found(opened)


def jpeg_for(image_set, image, quality):
    """Give one original's JPEG version: the set's own, or made now where the set has none.

    Parameters
    ----------
    image_set : ImageSet
    image : StoredImage
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
    ImageError
        If the set's folder for this quality lacks a partner of any original or has one too many,
        or the partner is refused by `read_version`.

    Warns
    -----
    UserWarning
        If the set's own version had to be converted, as `read_image` says.
    """
    if quality in image_set.qualities:
        return _own_version(image_set, image, quality)
    return made_version(image.pixels, quality, is_grey=image.is_grey)


def made_version(pixels, quality, *, is_grey):
    """Compress (H, W, 3) pixels, as one channel if grey: pixels again, and the file's bytes."""
    if not is_grey:
        return jpeg_version(pixels, quality)
    plane, size = jpeg_version(pixels[..., 0], quality)
    return np.repeat(plane[..., None], 3, axis=-1), size


def version_within(pixels, limit, *, is_grey):
    """Do as `made_version`, at the highest quality whose file has no more than `limit` bytes.

    Returns
    -------
    tuple of ndarray, int, int
        The pixels, the bytes of the file and its quality: those of quality 1 where even that file
        is larger.
    """
    low, high = 1, 100
    while low < high:
        middle = (low + high + 1) // 2
        if made_version(pixels, middle, is_grey=is_grey)[1] <= limit:
            low = middle
        else:
            high = middle - 1
    return *made_version(pixels, low, is_grey=is_grey), low


def _own_version(image_set, image, quality):
    version = image_set.partners(quality).get(image.name)
    if version is None:
        raise ImageError(f"{image.path or image.name}: not in the set {image_set.name}")
    partner = image_set.read_version(version)
    for notice in partner.notices:
        warnings.warn(notice, stacklevel=3)
    return partner.pixels, version.path.stat().st_size if is_jpeg(version.path) else None


def _with_originals_found(image_set):
    """Give versions that nothing names the original that they resemble; leave out the others."""
    if image_set.versions:
        image_set._thumbnails  # noqa: B018 (made now, and not by several threads at once)
    if all(version.original is not None for version in image_set.versions):
        return image_set
    versions, faults = [], []
    for version in image_set.versions:
        try:
            versions.append(replace(version, original=_resembled(image_set, version)))
        except ImageError as error:
            faults.append(str(error))
    found = (
        f"{image_set.folder}: no list says of which originals its {len(image_set.versions)} "
        f"versions are; found by likeness for {len(versions)}"
    )
    notices = (*image_set.notices, found, *faults)
    return replace(image_set, versions=tuple(versions), notices=notices)


def _resembled(image_set, version):
    image = read_image(version.path)
    name = most_alike(image.pixels, image_set._thumbnails.get(image.shape, {}))
    if name is None:
        raise ImageError(f"{version.path}: resembles no original; left out")
    return name


def _size(image):
    return f"{image.shape[1]}x{image.shape[0]}"
