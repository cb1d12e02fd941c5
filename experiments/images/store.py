"""Arrays that are made when they are needed, and dropped when memory is."""

import threading
from collections import OrderedDict

# Room for LIVE1's 29 images with their JPEG versions 17 times over.
STORE_BYTES = 2**30


class Store:
    """Keep what was used last, up to `limit` bytes; several threads may share one.

    Parameters
    ----------
    limit : int
        Bytes. The value that was used last stays, however large it is.
    """

    def __init__(self, limit=STORE_BYTES):
        self.limit = limit
        self._values = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, key, make):
        """Give the value of `key`; if it is not here, what ``make() -> (value, bytes)`` gives.

        Two threads that ask at the same time may both make it; `make` must be pure.
        """
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key][0]
        value, size = make()
        with self._lock:
            if key not in self._values:
                self._values[key] = value, size
                self._bytes += size
            while self._bytes > self.limit and len(self._values) > 1:
                self._bytes -= self._values.popitem(last=False)[1][1]
        return value
