"""The originals of a set: all read once, kept as far as memory has room."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

from experiments.images.errors import ImageError
from experiments.images.files import StoredImage, read_image


def read_originals(paths, store):
    """Read every original, so that a damaged one is found before any work is done with the rest.

    Parameters
    ----------
    paths : mapping of str to Path
        By the names that the images get.
    store : Store
        Keeps their pixels; those that it dropped are read again when they are needed.

    Returns
    -------
    tuple of StoredImage
        Those that can be read.
    list of str
        A sentence for each that cannot.
    """

    def read(item):
        try:
            return _stored(*item, store)
        except ImageError as error:
            return str(error)

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(read, paths.items()))
    images = tuple(image for image in found if isinstance(image, StoredImage))
    return images, [fault for fault in found if isinstance(fault, str)]


def _stored(name, path, store):
    """Read an image, and leave its pixels to the store."""
    image = read_image(path)
    digest = image.sha256
    store.get(path, lambda: (image.pixels, image.pixels.nbytes))

    def again():
        pixels = read_image(path)
        if pixels.sha256 != digest:
            raise ImageError(f"{path}: was changed while it was in use")
        return pixels.pixels, pixels.pixels.nbytes

    return replace(image, name=name, load=partial(store.get, path, again))
