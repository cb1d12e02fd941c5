"""Layers of a kernel and a bias: how these parameters are checked, drawn, cast and shown."""

import jax
import jax.numpy as jnp

from fnnet import initializers
from fnnet.core import Layer, require

LECUN_NORMAL, ZEROS = initializers.lecun_normal(), initializers.zeros()  # the defaults


def affine_layer(kind, op, kernel_shape, *, sizes, settings, use_bias, kernel_init, bias_init):
    """Build a layer that applies ``op(x, kernel, bias, **settings)``.

    Parameters
    ----------
    kind : str
    op : callable
        Takes kernel and bias in the dtype of `x`; bias is None without one.
    kernel_shape : callable
        ``in_shape -> shape`` of the kernel, the output's features last.
    sizes, settings : dict
        The constructor's arguments, for ``print``; `op` takes only `settings`.
    use_bias : bool
    kernel_init, bias_init : initialiser
        Shown by ``print`` unless they are the defaults.

    Raises
    ------
    TypeError
        If `kernel_init` or `bias_init` is not an initialiser.
    """
    check_initializers(kind, kernel_init, bias_init)

    def init(key, in_shape):
        shape = kernel_shape(in_shape)
        kernel_key, bias_key = jax.random.split(key)
        params = {"kernel": draw_params(kernel_init, kernel_key, shape)}
        if use_bias:
            params["bias"] = draw_params(bias_init, bias_key, shape[-1:])
        return params, {}

    def apply(params, state, x, *, key=None, train=False):
        bias = params["bias"].astype(x.dtype) if "bias" in params else None
        return op(x, params["kernel"].astype(x.dtype), bias, **settings), state

    config = sizes | settings | {"use_bias": use_bias}
    config |= {} if kernel_init is LECUN_NORMAL else {"kernel_init": kernel_init}
    config |= {} if bias_init is ZEROS else {"bias_init": bias_init}
    return Layer(kind, init, apply, config)


def check_initializers(name, *candidates):
    """Raise `TypeError` unless all are initialisers; a common cause is an uncalled constructor."""
    for initializer in candidates:
        shown = repr(initializer)
        uncalled = getattr(initializers, getattr(initializer, "__name__", ""), None) is initializer
        if uncalled:
            shown = f"{initializer.__name__}, not called: write {initializer.__name__}()"
        if uncalled or not callable(initializer):
            raise TypeError(
                f"{name}: an initialiser is a function (key, shape, dtype) -> array, not {shown}"
            )


def draw_params(initializer, key, shape):
    """Draw float32 parameters; raise `LayerError` if the initialiser returns another shape."""
    params = initializer(key, shape, jnp.float32)
    require(
        jnp.shape(params) == tuple(shape),
        f"the initialiser {initializer!r} returned shape {jnp.shape(params)} for {tuple(shape)}",
    )
    return params
