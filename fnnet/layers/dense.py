"""The dense layer, and kernels with biases as parameters."""

import jax
import jax.numpy as jnp

from fnnet import initializers, ops
from fnnet.core import Layer, require

LECUN_NORMAL, ZEROS = initializers.lecun_normal(), initializers.zeros()  # the defaults


def dense(
    features,
    *,
    use_bias=True,
    kernel_init=LECUN_NORMAL,
    bias_init=ZEROS,
):
    """Map the last axis affinely: ``y = x @ kernel + bias``.

    Parameters
    ----------
    features : int
        Size of the output's last axis, at least 1.
    use_bias : bool
        Whether to add a bias.
    kernel_init, bias_init : initialiser
        ``(key, shape, dtype) -> array``.

    Returns
    -------
    Layer
        ``(N, ..., C) -> (N, ..., features)``; params `kernel` (C, features), `bias` (features,).

    Raises
    ------
    LayerError
        If `features` is below 1; in ``init``, if an example has no axis.
    """
    require(features >= 1, f"dense: features={features} must be at least 1")

    def init(key, in_shape):
        require(len(in_shape) >= 1, "an example needs at least one axis")
        shape = (in_shape[-1], features)
        return affine_params(key, shape, use_bias, kernel_init, bias_init), {}

    def apply(params, state, x, *, key=None, train=False):
        return ops.dense(x, *affine(params, x.dtype)), state

    config = {"features": features} | affine_config(use_bias, kernel_init, bias_init)
    return Layer("dense", init, apply, config)


def affine_params(key, shape, use_bias, kernel_init, bias_init):
    """Draw `kernel` of `shape` and, where wanted, `bias` for its last axis."""
    kernel_key, bias_key = jax.random.split(key)
    params = {"kernel": kernel_init(kernel_key, shape, jnp.float32)}
    if use_bias:
        params["bias"] = bias_init(bias_key, shape[-1:], jnp.float32)
    return params


def affine(params, dtype):
    """Take kernel and bias in the dtype of the layer's input."""
    bias = params.get("bias")
    return params["kernel"].astype(dtype), None if bias is None else bias.astype(dtype)


def affine_config(use_bias, kernel_init, bias_init):
    """Tell what ``print`` shows of kernel and bias: initialisers unless they are the defaults."""
    config = {"use_bias": use_bias}
    config |= {} if kernel_init is LECUN_NORMAL else {"kernel_init": kernel_init}
    return config | ({} if bias_init is ZEROS else {"bias_init": bias_init})
