"""Learned distributions: what a codec's latents cost."""

import jax.numpy as jnp

from fnnet import ops
from fnnet.core import Layer, require, require_integer


def factorized_prior(components=3):
    """Tell the bits of each latent by a learned distribution of its channel.

    Each channel has a mixture of logistics of its own, the same at all places; see
    `fnnet.ops.logistic_mixture_bits`. Trained together with the network that makes the latents, the
    sum of what comes out is the rate to be minimised.

    Parameters
    ----------
    components : int
        Of each mixture, at least 1.

    Returns
    -------
    Layer
        Latents ``(N, ..., C)`` -> bits ``(N, ..., C)``; params `logits`, `means`, `log_scales`,
        (C, components).

    Raises
    ------
    LayerError
        If `components` is below 1; in ``init``, if an example has no axis.

    Notes
    -----
    The components start around 0 with scales of 1, 2, 4, ..., so that some are near whatever the
    latents' spread is.

    References
    ----------
    Ballé, Laparra, Simoncelli 2017, arXiv:1611.01704, section 3; there the distributions are
    piecewise linear.
    """
    require_integer("factorized_prior: components", components)

    def init(key, in_shape):
        require(len(in_shape) >= 1, "an example needs at least one axis")
        zeros = jnp.zeros((in_shape[-1], components), jnp.float32)
        doubled = jnp.log(2.0) * jnp.arange(components, dtype=jnp.float32)
        scales = zeros + doubled.reshape(1, -1)
        return {"logits": zeros, "means": zeros.copy(), "log_scales": scales}, {}

    def apply(params, state, x, *, key=None, train=False):
        mixture = params["logits"], params["means"], params["log_scales"]
        return ops.logistic_mixture_bits(x, *mixture), state

    return Layer("factorized_prior", init, apply, {"components": components})
