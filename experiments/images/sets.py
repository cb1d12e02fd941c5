"""Sets of images: finding them, their originals, and their JPEG versions."""

import difflib
import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from experiments.images.embedded import embedded_images
from experiments.images.errors import ImageError
from experiments.images.files import StoredImage, read_image
from experiments.images.folders import entries
from experiments.images.jpeg import made_version
from experiments.images.jpeg_quality import is_jpeg
from experiments.images.layouts import Version
from experiments.images.recognition import recognise
from experiments.images.store import Store, read_originals
from experiments.images.thumbnails import most_similar, thumbnail
from experiments.system.errors import some

ROOT_VARIABLE = "FNNET_DATA"


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Originals, and the compressed versions that came with them."""

    name: str
    folder: Path | None  # None for the embedded photographs
    originals: tuple[StoredImage, ...]  # sorted by name; names are canonical and unique
    layout: str = "photographs of scikit-image"
    versions: tuple[Version, ...] = ()  # checked one by one by `read_version`
    # The folder of each JPEG quality that has one; checked for completeness by `partners`.
    qualities: Mapping[int, Path] = field(default_factory=dict)
    score_name: str = ""  # scale of the versions' scores
    notices: tuple[str, ...] = ()  # sentences for the user: the set, conversions of its images
    store: Store = field(default_factory=Store, repr=False)  # of pixels, as far as there is room

    def read_version(self, version):
        """Read a version that came with the set, as a `StoredImage` with its original's name.

        Raises `ImageError` if it cannot be read, has no original or another size than it, or
        clearly shows another one of the originals.
        """
        image, original = read_image(version.path), self._by_name.get(version.original)
        if original is None:
            raise ImageError(f"{version.path}: its original is not in the set")
        if image.shape != original.shape:
            raise ImageError(
                f"{version.path}: {_size(image)} pixels, but its original {original.path} has "
                f"{_size(original)}"
            )
        shown = most_similar(image.pixels, self._thumbnails[image.shape])
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
        """Compute thumbnails of all originals, by shape and name."""
        thumbnails = {}
        for image in self.originals:
            thumbnails.setdefault(image.shape, {})[image.name] = thumbnail(image.pixels)
        return thumbnails

    def partners(self, quality):
        """Return the versions of a quality that has a folder, by their originals' names.

        Raises `ImageError` if an original has no version, or a version no original.
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
    """Find a set's folder by path or name.

    A folder; or, if there is none of that name, a set in the folder that the environment variable
    FNNET_DATA names. Raises `ImageError` if there is neither, and names the sets that there are.
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
        As for `locate`; None means the embedded photographs.
    skip_damaged : bool
        Whether originals that cannot be read become notices; means are then over the rest only.

    Returns
    -------
    ImageSet

    Raises
    ------
    ImageError
        If the set is not found, its layout is unknown, or an original cannot be read.

    Notes
    -----
    Files are paired by their names, or by the set's own list; never by their order. A version
    that neither pairs belongs to the original that it clearly resembles.
    """
    if data is None:
        return ImageSet("embedded", None, embedded_images())
    folder = locate(data)
    layout, store = recognise(folder), Store()
    originals, faults = read_originals(layout.originals, store)
    if faults and not (skip_damaged and originals):
        several = f"{folder}: {len(faults)} of {len(layout.originals)} images cannot be read: "
        raise ImageError((several if len(faults) > 1 else "") + some(faults, "; "))
    image_set = ImageSet(
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
    return _pair_by_similarity(image_set)


def jpeg_for(image_set, image, quality):
    """Return the JPEG version of one of a set's originals: the set's own, else one compressed now.

    A grey original is compressed as one channel. Returns decoded (H, W, 3) uint8 pixels, and the
    bytes of the JPEG file, None where the set has decoded pixels only. Each conversion that
    `read_image` makes of the set's own version is a `UserWarning`. Raises `ImageError` if the set's
    folder for this quality lacks a version of any original or has one too many, or `read_version`
    rejects the version.
    """
    if quality not in image_set.qualities:
        return made_version(image.pixels, quality, is_grey=image.is_grey)
    version = image_set.partners(quality).get(image.name)
    if version is None:
        raise ImageError(f"{image.path or image.name}: not in the set {image_set.name}")
    partner = image_set.read_version(version)
    for notice in partner.notices:
        warnings.warn(notice, stacklevel=2)
    return partner.pixels, version.path.stat().st_size if is_jpeg(version.path) else None


def _pair_by_similarity(image_set):
    """Pair versions that nothing names with the original that they resemble; drop the others."""
    if image_set.versions:
        image_set._thumbnails  # noqa: B018 (computed now, and not by several threads at once)
    if all(version.original is not None for version in image_set.versions):
        return image_set
    versions, faults = [], []
    for version in image_set.versions:
        try:
            versions.append(replace(version, original=_resembled(image_set, version)))
        except ImageError as error:
            faults.append(str(error))
    paired = (
        f"{image_set.folder}: no list names the originals of its {len(image_set.versions)} "
        f"versions; matched by similarity: {len(versions)}"
    )
    notices = (*image_set.notices, paired, *faults)
    return replace(image_set, versions=tuple(versions), notices=notices)


def _resembled(image_set, version):
    """Return the name of the original that a version clearly resembles."""
    image = read_image(version.path)
    name = most_similar(image.pixels, image_set._thumbnails.get(image.shape, {}))
    if name is None:
        raise ImageError(f"{version.path}: resembles no original; left out")
    return name


def _size(image):
    return f"{image.shape[1]}x{image.shape[0]}"
