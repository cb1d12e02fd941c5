"""Rates of latents: the bits that an ideal entropy coder would need."""

import math

import jax
import jax.numpy as jnp

from fnnet.core import at_least_float32, require, require_floating


def logistic_mixture_bits(x, logits, means, log_scales):
    """Compute the bits of each value under its channel's mixture of logistic distributions.

    ``-log2(sum_k w_k (F((x - m_k + 1/2) / s_k) - F((x - m_k - 1/2) / s_k)))`` with F the logistic
    function, ``w = softmax(logits)`` and ``s = exp(log_scales)``: the probability of the interval
    of width 1 around x, which is that of a rounded value, or the density of one with uniform noise.

    Parameters
    ----------
    x : array (..., C)
    logits, means, log_scales : array (C, K)
        Parameters of K components, at least 1.

    Returns
    -------
    array (..., C)
        Bits, at least 0, in `x`'s dtype, computed in float32 or wider. Logarithms are computed term
        by term, so that values and gradients far out in a tail are finite.

    Raises
    ------
    LayerError
        If the channels of `x` are not those of the mixtures.

    References
    ----------
    The relaxed rate: Ballé, Laparra, Simoncelli 2017, arXiv:1611.01704, section 3. Mixtures of
    discretised logistics: Salimans et al. 2017, arXiv:1701.05517, equation 2.
    """
    require_floating(x)
    shape = logits.shape
    require(
        len(shape) == 2 and shape[0] == x.shape[-1] and means.shape == log_scales.shape == shape,
        f"logits {logits.shape}, means {means.shape} and log_scales {log_scales.shape} do not fit "
        f"the last axis, which has {x.shape[-1]} channels",
    )
    y = at_least_float32(x)
    logits, means, log_scales = (
        part.astype(y.dtype).reshape((1,) * (y.ndim - 1) + shape)
        for part in (logits, means, log_scales)
    )
    inverse = jnp.exp(-log_scales)
    above = (y[..., None] - means + 0.5) * inverse
    below = (y[..., None] - means - 0.5) * inverse
    # F(a) - F(b) = F(a) F(-b) (1 - exp(b - a)): the logarithm of each factor is finite.
    terms = jax.nn.log_sigmoid(above) + jax.nn.log_sigmoid(-below)
    terms = terms + jnp.log(-jnp.expm1(-inverse)) + jax.nn.log_softmax(logits, -1)
    bits = -jax.scipy.special.logsumexp(terms, axis=-1) / math.log(2)
    return jnp.maximum(bits, 0).astype(x.dtype)
