"""Large images in pieces, so that memory stays bounded and the result is the whole one's."""

import numpy as np


def in_tiles(function, array, *, side, reach, scale_in, scale_out):
    """Apply a function of (rows, columns, C) arrays piece by piece.

    Parameters
    ----------
    function : callable
        Makes of an array of ``n * scale_in`` rows one of ``n * scale_out``, columns likewise.
    array : (h * scale_in, w * scale_in, C)
    side : int
        Of a piece, in cells, of which the array has (h, w).
    reach : int or None
        How many cells around a place its result depends on; None if that is not known. Then, and
        where the array has no more than ``side²`` cells, the function is called once.

    Returns
    -------
    array (h * scale_out, w * scale_out, C')
    """
    h, w = (length // scale_in for length in array.shape[:2])
    if reach is None or h * w <= side**2:
        return function(array)
    out = None
    for top in range(0, h, side):
        for left in range(0, w, side):
            (rows, keep_rows), (columns, keep_columns) = (
                _span(first, side, count, reach) for first, count in ((top, h), (left, w))
            )
            piece = function(array[_scaled(rows, scale_in), _scaled(columns, scale_in)])
            if out is None:
                out = np.empty((h * scale_out, w * scale_out, piece.shape[2]), piece.dtype)
            place = (_scaled(slice(first, first + side), scale_out) for first in (top, left))
            kept = piece[_scaled(keep_rows, scale_out), _scaled(keep_columns, scale_out)]
            out[tuple(place)] = kept
    return out


def _span(first, side, count, reach):
    """Give the cells that a piece is made of, and which of them are its own."""
    last = min(first + side, count)
    start = max(first - reach, 0)
    return slice(start, min(last + reach, count)), slice(first - start, last - start)


def _scaled(span, factor):
    return slice(span.start * factor, span.stop * factor)
