"""Checks that functions of images (N, H, W, C) share."""

from fnnet.core import require


def pair(value):
    """Return (rows, columns) for one number or a pair."""
    return tuple(value) if isinstance(value, tuple | list) else (value, value)


def require_images(x):
    """Raise unless `x` has four axes."""
    hint = "; of one image x, x[None] is a batch" if x.ndim == 3 else ""
    require(x.ndim == 4, f"expects images (N, H, W, C), got {x.ndim} axes{hint}")
