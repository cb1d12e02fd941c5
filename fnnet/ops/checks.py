"""Checks that functions of images (N, H, W, C) share."""

from fnnet.core import require


def pair(value):
    """Make (rows, columns) of one number or two."""
    return tuple(value) if isinstance(value, tuple | list) else (value, value)


def require_images(x):
    """Refuse what has not four axes."""
    one = "; of one image x, x[None] is a batch" if x.ndim == 3 else ""
    require(x.ndim == 4, f"expects images (N, H, W, C), got {x.ndim} axes{one}")
