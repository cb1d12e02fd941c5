"""Learned distributions of a codec's latents."""

import jax.numpy as jnp

from fnnet import ops
from fnnet.core import Layer, require, require_integer


def factorized_prior(components=3):
    """Estimate the bits each latent costs under a learned per-channel distribution.

    Each channel has its own mixture of logistics, the same at all positions; see
    `fnnet.ops.logistic_mixture_bits`. The sum of the output is the rate to be minimised when it is
    trained together with the network that computes the latents.

    Parameters
    ----------
    components : int
        Number of components of each mixture, at least 1.

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
    The components start at 0 with scales of 1, 2, 4, ..., so that some fit whatever the spread of
    the latents.

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
