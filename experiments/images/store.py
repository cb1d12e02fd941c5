"""A cache of arrays that are loaded when they are needed, and dropped when memory is."""

import threading

from cachetools import LRUCache

# Room for LIVE1's 29 images with their JPEG versions 17 times over.
STORE_BYTES = 2**30


class Store:
    """Cache the values used last, up to `limit` bytes; several threads may share one.

    Parameters
    ----------
    limit : int
        Bytes. The value used last stays, however large it is.
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
