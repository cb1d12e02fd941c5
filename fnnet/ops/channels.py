"""Vectors of one value a channel, laid along an array's last axis."""


def along_last(vector, x):
    """Give `vector` (C,) the rank of `x` (..., C), so that nothing is broadcast by accident."""
    return vector.reshape((1,) * (x.ndim - 1) + (-1,))


def add_bias(y, bias):
    """Add `bias` (C,) to the last axis of `y` (..., C); None adds nothing."""
    return y if bias is None else y + along_last(bias, y)
