"""Generalised divisive normalisation, the nonlinearity of learned image codecs."""

import jax.numpy as jnp
from jax import lax

from fnnet.core import at_least_float32, require
from fnnet.ops.channels import along_last, channels_first


def gdn(x, beta, gamma, *, inverse=False):
    """Divide every channel by the weighted energy of all channels at the same position.

    ``y_i = x_i / sqrt(beta_i + sum_j gamma_ij x_j²)``

    Parameters
    ----------
    x : array (..., C)
    beta : array (C,)
        Above 0.
    gamma : array (C, C)
        At least 0; row i holds the weights of all channels in the divisor of channel i.
    inverse : bool
        Multiply by the root instead of dividing, as in a decoder. This is the first step of the
        fixed-point iteration ``x <- y * sqrt(beta + gamma x²)`` that inverts `gdn`, not its exact
        inverse.

    Returns
    -------
    array (..., C)
        In `x`'s dtype, computed in float32 or wider.

    Raises
    ------
    LayerError
        If the channels of `x` are not those of `beta` and `gamma`.

    References
    ----------
    Ballé, Laparra, Simoncelli 2016, arXiv:1511.06281, in the form with exponents 2 and 1/2 of
    arXiv:1611.01704, section 2.
    """
    y = at_least_float32(x)
    channels = x.shape[-1]
    require(
        (channels, channels) == gamma.shape and (channels,) == beta.shape,
        f"beta {beta.shape} and gamma {gamma.shape} do not fit the last axis, which has {channels}"
        + channels_first(x, beta.shape[0]),
    )
    beta, gamma = along_last(beta.astype(y.dtype), x), gamma.astype(y.dtype)
    # In units of the largest value, so that no square overflows; the units cancel in gradients too.
    unit = lax.stop_gradient(jnp.maximum(jnp.abs(y).max(-1, keepdims=True), 1))
    energy = jnp.square(y / unit)
    pool = beta / unit / unit + jnp.matmul(energy, gamma.T, precision=lax.Precision.HIGHEST)
    if inverse:
        return (y * unit * jnp.sqrt(pool)).astype(x.dtype)
    return (y / unit * lax.rsqrt(pool)).astype(x.dtype)
