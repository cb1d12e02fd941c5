"""The originals of a set: all read once, kept as far as memory has room."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

from experiments.images.errors import PictureError
from experiments.images.files import Picture, read_picture


def read_originals(paths, store):
    """Read every original, so that a damaged one is found before any work is done with the rest.

    Parameters
    ----------
    paths : mapping of str to Path
        By the names that the pictures get.
    store : Store
        Keeps their pixels; those that it dropped are read again when they are needed.

    Returns
    -------
    tuple of Picture
        Those that can be read.
    list of str
        A sentence for each that cannot.
    """

    def read(item):
        try:
            return _stored(*item, store)
        except PictureError as error:
            return str(error)

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(read, paths.items()))
    pictures = tuple(picture for picture in found if isinstance(picture, Picture))
    return pictures, [fault for fault in found if isinstance(fault, str)]


def _stored(name, path, store):
    """Read a picture, and leave its pixels to the store."""
    picture = read_picture(path)
    digest = picture.sha256
    store.get(path, lambda: (picture.pixels, picture.pixels.nbytes))

    def again():
        pixels = read_picture(path)
        if pixels.sha256 != digest:
            raise PictureError(f"{path}: was changed while it was in use")
        return pixels.pixels, pixels.pixels.nbytes

    return replace(picture, name=name, load=partial(store.get, path, again))
