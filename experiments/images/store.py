"""In-memory cache of pixels with a size limit; evicted images are read again."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

from cachetools import LRUCache

from experiments.images.errors import ImageError
from experiments.images.files import StoredImage, read_image

# Room for LIVE1's 29 images with their JPEG versions 17 times over.
STORE_BYTES = 2**30


class Store:
    """Cache the values used last, up to `limit` bytes; several threads may share one.

    The value used last stays, however large it is.
    """

    def __init__(self, limit=STORE_BYTES):
        # A value of more than the limit counts as much as the limit: it is cached alone.
        self._entries = LRUCache(limit, getsizeof=lambda entry: min(entry[1], limit))
        self._lock = threading.Lock()

    def get(self, key, load):
        """Return the value of `key`; if it is not here, that of ``load() -> (value, bytes)``.

        Two threads that ask at the same time may both load it; `load` must be pure.
        """
        with self._lock:
            if key in self._entries:
                return self._entries[key][0]
        entry = load()
        with self._lock:
            self._entries.setdefault(key, entry)
        return entry[0]


def read_originals(paths, store):
    """Read every original, so that a damaged one is found before any work is done with the rest.

    `paths` are by the images' names. `store` caches the pixels; those that it drops are read again
    when they are needed. Returns the images that can be read, and a sentence for each that cannot.
    """

    def read(item):
        try:
            return _read_into(store, *item)
        except ImageError as error:
            return str(error)

    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(read, paths.items()))
    images = tuple(result for result in results if isinstance(result, StoredImage))
    return images, [result for result in results if isinstance(result, str)]


def _read_into(store, name, path):
    """Read an image whose pixels only the store holds."""
    image = read_image(path)
    digest = image.sha256
    store.get(path, lambda: (image.pixels, image.pixels.nbytes))

    def load():
        again = read_image(path)
        if again.sha256 != digest:
            raise ImageError(f"{path}: was changed while it was in use")
        return again.pixels, again.pixels.nbytes

    return replace(image, name=name, load=partial(store.get, path, load))
