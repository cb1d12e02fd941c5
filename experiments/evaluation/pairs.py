"""Pictures with their JPEG versions, and the side of the split that each is on."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from experiments.cli.commands import notes
from experiments.images import (
    Picture,
    is_jpeg,
    jpeg_for,
    made_version,
    open_set,
    quality_of_file,
    quality_of_pixels,
    split,
)
from experiments.images.reduction import reduced, reduced_shape
from experiments.system.errors import some
from fnnet.metrics import bits_per_pixel


@dataclass(frozen=True, eq=False)
class Pair:
    """A picture, its JPEG version, and its side: "train", "validation" or "test".

    ``load() -> pixels, bytes`` gives the JPEG version: (H, W, 3) uint8, and the size of its file,
    None where only the pixels are known.
    """

    picture: Picture
    side: str
    load: Callable[[], tuple[np.ndarray, int | None]] = field(repr=False)

    @property
    def original(self):
        """The picture's pixels, (H, W, 3) uint8."""
        return self.picture.pixels

    @property
    def jpeg(self):
        """The JPEG version's pixels, (H, W, 3) uint8."""
        return self.load()[0]

    def get(self, which):
        """Give the pixels of "original" or "jpeg"."""
        return {"original": self.picture.load, "jpeg": lambda: self.jpeg}[which]()

    @property
    def bits_per_pixel(self):
        """Rate of the JPEG file, header included; None where only its pixels are known."""
        size = self.load()[1]
        return size and bits_per_pixel(size, *self.picture.shape[:2])


def load_pairs(data, quality, sides=None, *, seed=0, downscale=1.0):
    """Open a set (None for the embedded one) with JPEG versions of `quality`.

    `sides` gives each picture's side by the hash of its pixels, "new" to those that it does not
    name; without it the set is split. Pictures are first scaled down by `downscale`; their hashes
    stay those of the whole ones.
    """
    pictures = open_set(data)
    notes([*_made_notices(pictures, quality, downscale), *pictures.notices])
    if sides is None:
        by_name = split(pictures, seed)
    else:
        by_name = {p.name: sides.get(p.sha256, "new") for p in pictures.originals}
    pairs = [
        _pair(pictures, picture, quality, by_name[picture.name], downscale)
        for picture in pictures.originals
    ]
    if downscale == 1 and quality in pictures.qualities:
        for pair in pairs:
            pair.load()  # a version that cannot be read is found before any work is done
        notes(_quality_notices(pictures, pairs, quality))
    return pairs


def _made_notices(pictures, quality, downscale):
    """Say where a set brings versions and others are made."""
    if downscale != 1 and pictures.versions:
        yield f"{pictures.folder}: versions are made of the reduced pictures here"
    elif pictures.versions and quality not in pictures.qualities:
        has = ", ".join(map(str, pictures.qualities))
        has = f"quality {has}" if has else "no fixed quality"
        yield (
            f"{pictures.folder}: its {len(pictures.versions)} versions are of {has}; those of "
            f"quality {quality} are made here"
        )


def _quality_notices(pictures, pairs, quality):
    """Say which of a set's own versions are of another quality than their folder says."""
    wrong = []
    for pair in pairs:
        path = pictures.partners(quality)[pair.picture.name].path
        found = quality_of_file(path)
        if not is_jpeg(path):
            found, _ = quality_of_pixels(pair.original, pair.jpeg, expected=quality) or (None, None)
        if found is not None and found != quality:
            wrong.append(f"{pair.picture.name} of {found}")
    if wrong:
        folder = pictures.qualities[quality]
        yield (
            f"{folder}: {len(wrong)} of {len(pairs)} versions are not of quality {quality} "
            f"({some(wrong)})"
        )


def _pair(pictures, picture, quality, side, downscale):
    store = pictures.store
    if downscale != 1:
        picture = _smaller(picture, downscale, store)

    def version():
        if downscale == 1:
            pixels, size = jpeg_for(pictures, picture, quality)
        else:
            pixels, size = made_version(picture.pixels, quality, is_grey=picture.is_grey)
        return (pixels, size), pixels.nbytes

    return Pair(picture, side, lambda: store.get((picture.name, "jpeg"), version))


def _smaller(picture, downscale, store):
    def pixels():
        small = reduced(picture.pixels, downscale)
        return small, small.nbytes

    return replace(
        picture,
        load=lambda: store.get((picture.name, "reduced"), pixels),
        shape=reduced_shape(picture.shape, downscale),
    )
