"""The block cosine transform of JPEG and its inverse, NHWC."""

import jax.numpy as jnp
import numpy as np
from jax import lax

from fnnet.core import require, require_floating
from fnnet.ops.checks import require_images

_SIZE = 8


def _cosines():
    """Build the orthonormal DCT-II as a matrix (frequency, position)."""
    frequency, position = np.arange(_SIZE)[:, None], np.arange(_SIZE)[None]
    matrix = np.cos(np.pi * frequency * (2 * position + 1) / (2 * _SIZE)) * np.sqrt(2 / _SIZE)
    matrix[0] /= np.sqrt(2)
    return matrix


_COSINES = _cosines()


def block_dct(x):
    """Transform every 8x8 block: (N, H, W, C) -> (N, H / 8, W / 8, 64 * C).

    The orthonormal DCT-II of JPEG: it preserves sums of squares, and the first coefficient is 8
    times the block's mean. Channels are ordered as (vertical frequency, horizontal frequency, C),
    as in `space_to_depth`. JPEG shifts grey levels by -128 first; this function does not.

    Raises
    ------
    LayerError
        If 8 does not divide height and width.

    References
    ----------
    ITU-T T.81 (JPEG), section A.3.3; Ahmed, Natarajan, Rao 1974, doi:10.1109/T-C.1974.223784.
    """
    require_images(x)
    require_floating(x)
    n, h, w, c = x.shape
    require(
        h % _SIZE == 0 and w % _SIZE == 0, f"block_dct: 8 must divide the image's {h}x{w} pixels"
    )
    x = x.reshape(n, h // _SIZE, _SIZE, w // _SIZE, _SIZE, c)
    y = _along_both(x, "nhiwjc,ui,vj->nhwuvc")
    return y.reshape(n, h // _SIZE, w // _SIZE, _SIZE**2 * c)


def block_idct(x):
    """Invert `block_dct`: (N, H, W, 64 * C) -> (N, 8 * H, 8 * W, C).

    Raises
    ------
    LayerError
        If 64 does not divide the channels.

    References
    ----------
    ITU-T T.81 (JPEG), section A.3.3.
    """
    require_images(x)
    require_floating(x)
    n, h, w, channels = x.shape
    c, rest = divmod(channels, _SIZE**2)
    require(rest == 0, f"block_idct: 64 must divide {channels} channels")
    x = x.reshape(n, h, w, _SIZE, _SIZE, c)
    return _along_both(x, "nhwuvc,ui,vj->nhiwjc").reshape(n, h * _SIZE, w * _SIZE, c)


def _along_both(x, subscripts):
    matrix = jnp.asarray(_COSINES, x.dtype)
    return jnp.einsum(subscripts, x, matrix, matrix, precision=lax.Precision.HIGHEST)
