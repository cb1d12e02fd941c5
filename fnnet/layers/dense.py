"""The dense layer, and kernels with biases as parameters."""

import jax
import jax.numpy as jnp

from fnnet import initializers, ops
from fnnet.core import Layer, require, require_integer

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
    require_integer("dense: features", features)
    check_initializers("dense", kernel_init, bias_init)

    def init(key, in_shape):
        require(len(in_shape) >= 1, "an example needs at least one axis")
        shape = (in_shape[-1], features)
        return affine_params(key, shape, use_bias, kernel_init, bias_init), {}

    def apply(params, state, x, *, key=None, train=False):
        return ops.dense(x, *affine(params, x.dtype)), state

    config = {"features": features} | affine_config(use_bias, kernel_init, bias_init)
    return Layer("dense", init, apply, config)


def check_initializers(name, *given):
    """Refuse what is no initialiser, most often one whose constructor was not called."""
    for initializer in given:
        what = repr(initializer)
        uncalled = getattr(initializers, getattr(initializer, "__name__", ""), None) is initializer
        if uncalled:
            what = f"{initializer.__name__}, not called: write {initializer.__name__}()"
        if uncalled or not callable(initializer):
            raise TypeError(
                f"{name}: an initialiser is a function (key, shape, dtype) -> array, not {what}"
            )


def affine_params(key, shape, use_bias, kernel_init, bias_init):
    """Draw `kernel` of `shape` and, where wanted, `bias` for its last axis."""
    kernel_key, bias_key = jax.random.split(key)
    params = {"kernel": drawn(kernel_init, kernel_key, shape)}
    if use_bias:
        params["bias"] = drawn(bias_init, bias_key, shape[-1:])
    return params


def drawn(initializer, key, shape):
    """Draw float32 parameters, and refuse an initialiser that gives another shape."""
    params = initializer(key, shape, jnp.float32)
    require(
        jnp.shape(params) == tuple(shape),
        f"the initialiser {initializer!r} gave shape {jnp.shape(params)} for {tuple(shape)}",
    )
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
