"""The photographs that every installation has: those inside scikit-image's wheel.

Chosen are the colour photographs of daily things that show no earlier compression. Left out:
``rocket``, itself a JPEG (quantisation steps up to 17), ``ihc`` and ``retina``, which show the
8x8 grid of one, and ``hubble_deep_field``, which is no photograph of daily things.
"""

from dataclasses import replace
from pathlib import Path

import skimage

from experiments.images.errors import ImageError
from experiments.images.files import read_image

# The two motorcycle views are one scene, seen by a left and a right eye: never on two sides.
SIDES = {
    "astronaut": "train",
    "chelsea": "test",
    "coffee": "test",
    "motorcycle_left": "train",
    "motorcycle_right": "train",
}
FILES = (
    "astronaut.png",
    "chelsea.png",
    "coffee.png",
    "motorcycle_left.png",
    "motorcycle_right.png",
)


def embedded_images(folder=None):
    """Read the embedded photographs, sorted by name; nothing is downloaded.

    Parameters
    ----------
    folder : str, Path or None
        Where they lie; default: the data folder inside the installed scikit-image.

    Raises
    ------
    ImageError
        If one is not there.
    """
    folder = Path(skimage.__file__).parent / "data" if folder is None else Path(folder)
    return tuple(_read(folder / name) for name in FILES)


def _read(path):
    if not path.exists():
        raise ImageError(
            f"{path}: not in scikit-image {skimage.__version__}; its releases 0.25 and 0.26 have it"
        )
    # Two bring the profile of sRGB, which changes nothing: no run need begin by saying so.
    return replace(read_image(path), notices=())
