"""The photographs that every installation has: those in scikit-image's wheel.

They are its colour photographs of everyday scenes without traces of earlier compression. Left out
are ``rocket``, itself a JPEG (quantisation steps up to 17), ``ihc`` and ``retina``, which show the
8x8 grid of one, and ``hubble_deep_field``, which is no everyday scene.
"""

from dataclasses import replace
from pathlib import Path

import skimage

from experiments.images.errors import ImageError
from experiments.images.files import read_image

# The two motorcycle views are one scene, seen by a left and a right eye: never in two splits.
SPLITS = {
    "astronaut": "train",
    "chelsea": "test",
    "coffee": "test",
    "motorcycle_left": "train",
    "motorcycle_right": "train",
}


def embedded_images(folder=None):
    """Read the embedded photographs, sorted by name; nothing is downloaded.

    `folder` is by default the data folder of the installed scikit-image; one that is missing there
    raises `ImageError`.
    """
    folder = Path(skimage.__file__).parent / "data" if folder is None else Path(folder)
    return tuple(_read(folder / f"{name}.png") for name in SPLITS)


def _read(path):
    if not path.exists():
        raise ImageError(
            f"{path}: not in scikit-image {skimage.__version__}; its releases 0.25 and 0.26 have it"
        )
    # Two bring the profile of sRGB, which changes nothing: no run needs a notice of it.
    return replace(read_image(path), notices=())
