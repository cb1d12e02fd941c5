"""Large images in tiles: bounded memory, and the same result as for the whole image."""

import numpy as np


def in_tiles(function, array, *, size, reach, scale_in, scale_out):
    """Apply a function of (rows, columns, C) arrays tile by tile.

    The array has (h, w) cells of `scale_in` rows and columns, for each of which the function
    returns `scale_out` rows and columns; `size` is that of a tile in cells. `reach` is the number
    of cells on each side of a cell that its result depends on. If it is None, or there are at most
    ``size²`` cells, the function is called once.
    """
    h, w = (length // scale_in for length in array.shape[:2])
    if reach is None or h * w <= size**2:
        return function(array)
    out = None
    for top in range(0, h, size):
        for left in range(0, w, size):
            (rows, inner_rows), (columns, inner_columns) = (
                _span(first, size, count, reach) for first, count in ((top, h), (left, w))
            )
            tile = function(array[_scaled(rows, scale_in), _scaled(columns, scale_in)])
            if out is None:
                out = np.empty((h * scale_out, w * scale_out, tile.shape[2]), tile.dtype)
            target = (_scaled(slice(first, first + size), scale_out) for first in (top, left))
            inner = tile[_scaled(inner_rows, scale_out), _scaled(inner_columns, scale_out)]
            out[tuple(target)] = inner
    return out


def _span(first, size, count, reach):
    """Return the cells of a tile with its margin, and among them those without the margin."""
    last = min(first + size, count)
    start = max(first - reach, 0)
    return slice(start, min(last + reach, count)), slice(first - start, last - start)


def _scaled(span, factor):
    return slice(span.start * factor, span.stop * factor)
