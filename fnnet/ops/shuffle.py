"""Rearrangements of pixels between space and channels."""

from fnnet.core import require, require_integer_pair
from fnnet.ops.checks import pair, require_images


def depth_to_space(x, *, factor):
    """Move channels into space: (N, H, W, factor² * C) -> (N, H * factor, W * factor, C).

    Channels are ordered as (row, column, C), in PyTorch's pixel shuffle as (C, row, column).
    `factor` is a number or (rows, columns); raises `LayerError` if their product does not divide
    the channels. Shi et al. 2016, arXiv:1609.05158, equation 4.
    """
    require_images(x)
    require_integer_pair("depth_to_space: factor", factor)
    fh, fw = pair(factor)
    n, h, w, channels = x.shape
    c, rest = divmod(channels, fh * fw)
    require(rest == 0, f"depth_to_space: factor²={fh * fw} must divide {channels} channels")
    x = x.reshape(n, h, w, fh, fw, c).transpose(0, 1, 3, 2, 4, 5)  # N, H, fh, W, fw, C
    return x.reshape(n, h * fh, w * fw, c)


def space_to_depth(x, *, factor):
    """Move space into channels, the inverse of `depth_to_space`.

    (N, H, W, C) -> (N, H / factor, W / factor, factor² * C); raises `LayerError` if `factor`, a
    number or (rows, columns), does not divide height and width.
    """
    require_images(x)
    require_integer_pair("space_to_depth: factor", factor)
    fh, fw = pair(factor)
    n, h, w, c = x.shape
    require(
        h % fh == 0 and w % fw == 0,
        f"space_to_depth: factor={factor} must divide the image's {h}x{w} pixels",
    )
    x = x.reshape(n, h // fh, fh, w // fw, fw, c).transpose(0, 1, 3, 2, 4, 5)
    return x.reshape(n, h // fh, w // fw, fh * fw * c)
