"""Pictures with their JPEG versions, and the side of the split that each is on."""

from dataclasses import dataclass

import numpy as np

from experiments.commands import note
from experiments.pictures import Picture, jpeg_for, open_set, split
from fnnet.metrics import bits_per_pixel


@dataclass(frozen=True, eq=False)
class Pair:
    """A picture, its JPEG version, and its side: "train", "validation" or "test"."""

    picture: Picture
    jpeg: np.ndarray
    jpeg_bytes: int | None
    side: str

    @property
    def original(self):
        """The picture's pixels, (H, W, 3) uint8."""
        return self.picture.pixels

    def get(self, which):
        """Give the pixels of "original" or "jpeg"."""
        return {"original": self.original, "jpeg": self.jpeg}[which]

    @property
    def bits_per_pixel(self):
        """Rate of the JPEG file, header included; None where only its pixels are known."""
        return self.jpeg_bytes and bits_per_pixel(self.jpeg_bytes, *self.original.shape[:2])


def load_pairs(data, quality, sides=None, *, seed=0):
    """Read a set (None for the embedded one) with JPEG versions of `quality`.

    `sides` gives each picture's side by the hash of its pixels, "new" to those that it does not
    name; without it the set is split.
    """
    pictures = open_set(data)
    for notice in pictures.notices:
        note(notice)
    if sides is None:
        by_name = split(pictures, seed)
    else:
        by_name = {p.name: sides.get(p.sha256, "new") for p in pictures.originals}
    return [
        Pair(picture, *jpeg_for(pictures, picture, quality), by_name[picture.name])
        for picture in pictures.originals
    ]
