"""Images with their JPEG versions and their splits."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from experiments.cli.commands import notes
from experiments.images import (
    StoredImage,
    downscaled,
    downscaled_shape,
    is_jpeg,
    jpeg_for,
    made_version,
    open_set,
    quality_of_file,
    quality_of_pixels,
    split,
)
from experiments.system.errors import some
from fnnet.metrics import bits_per_pixel


@dataclass(frozen=True, eq=False)
class Pair:
    """An image, its JPEG version, and its split: "train", "validation", "test", or "new".

    ``load() -> pixels, bytes`` returns the JPEG version: (H, W, 3) uint8, and the size of its
    file, None where only the pixels are known.
    """

    image: StoredImage
    split: str
    load: Callable[[], tuple[np.ndarray, int | None]] = field(repr=False)

    @property
    def original(self):
        """The image's pixels, (H, W, 3) uint8."""
        return self.image.pixels

    @property
    def jpeg(self):
        """The JPEG version's pixels, (H, W, 3) uint8."""
        return self.load()[0]

    def get(self, which):
        """Return the pixels of "original" or "jpeg"."""
        return {"original": self.image.load, "jpeg": lambda: self.jpeg}[which]()

    @property
    def bits_per_pixel(self):
        """Rate of the JPEG file, header included; None where only its pixels are known."""
        size = self.load()[1]
        return size and bits_per_pixel(size, *self.image.shape[:2])


def load_pairs(data, quality, splits=None, *, seed=0, downscale=1.0):
    """Open a set (None for the embedded one) with JPEG versions of `quality`.

    `splits` maps hashes of pixels to splits, and other images are "new"; without it the set is
    split by `seed`. Images are first scaled down by `downscale`; their hashes stay those of the
    whole ones.
    """
    images = open_set(data)
    notes([*_made_notices(images, quality, downscale), *images.notices])
    if splits is None:
        by_name = split(images, seed)
    else:
        by_name = {image.name: splits.get(image.sha256, "new") for image in images.originals}
    pairs = [
        _pair(images, image, quality, by_name[image.name], downscale) for image in images.originals
    ]
    if downscale == 1 and quality in images.qualities:
        for pair in pairs:
            pair.load()  # a version that cannot be read is reported before any work is done
        notes(_quality_notices(images, pairs, quality))
    return pairs


def _made_notices(images, quality, downscale):
    """Yield a note if versions are made here although the set has some."""
    if downscale != 1 and images.versions:
        yield f"{images.folder}: versions are made of the reduced images here"
    elif images.versions and quality not in images.qualities:
        qualities = ", ".join(map(str, images.qualities))
        qualities = f"quality {qualities}" if qualities else "no fixed quality"
        yield (
            f"{images.folder}: its {len(images.versions)} versions are of {qualities}; those of "
            f"quality {quality} are made here"
        )


def _quality_notices(images, pairs, quality):
    """Yield a note if versions of a set are of another quality than their folder's name."""
    wrong = []
    for pair in pairs:
        path = images.partners(quality)[pair.image.name].path
        estimate = quality_of_file(path)
        if not is_jpeg(path):
            matched = quality_of_pixels(pair.original, pair.jpeg, expected=quality)
            estimate = matched and matched[0]
        if estimate not in (None, quality):
            wrong.append(f"{pair.image.name} of {estimate}")
    if wrong:
        folder = images.qualities[quality]
        yield (
            f"{folder}: {len(wrong)} of {len(pairs)} versions are not of quality {quality} "
            f"({some(wrong)})"
        )


def _pair(images, image, quality, split, downscale):
    store = images.store
    if downscale != 1:
        image = _smaller(image, downscale, store)

    def version():
        if downscale == 1:
            pixels, size = jpeg_for(images, image, quality)
        else:
            pixels, size = made_version(image.pixels, quality, is_grey=image.is_grey)
        return (pixels, size), pixels.nbytes

    return Pair(image, split, lambda: store.get((image.name, "jpeg"), version))


def _smaller(image, downscale, store):
    def pixels():
        small = downscaled(image.pixels, downscale)
        return small, small.nbytes

    return replace(
        image,
        load=lambda: store.get((image.name, "reduced"), pixels),
        shape=downscaled_shape(image.shape, downscale),
    )
