"""Constructors of layers: parameters and state around an array function."""

import math
from numbers import Integral

import jax
import jax.numpy as jnp

from fnnet import initializers, ops
from fnnet.core import Layer, require
from fnnet.ops.conv import pair


def stateless(function, *, kind=None, **config):
    """Make a layer of an array function ``x -> y`` that keeps the batch axis in front.

    `kind` is the function's name unless given; `config` is what ``print`` shows.
    """

    def apply(params, state, x, *, key=None, train=False):
        return function(x), state

    return Layer(kind or function.__name__, lambda key, in_shape: ({}, {}), apply, config)


identity = stateless(ops.identity)
relu = stateless(ops.relu)
leaky_relu = stateless(ops.leaky_relu)
elu = stateless(ops.elu)
gelu = stateless(ops.gelu)
silu = stateless(ops.silu)
sigmoid = stateless(ops.sigmoid)
tanh = stateless(ops.tanh)


def dense(
    features,
    *,
    use_bias=True,
    kernel_init=initializers.lecun_normal(),  # noqa: B008 (a pure function)
    bias_init=initializers.zeros(),  # noqa: B008
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
        return _affine_params(key, shape, use_bias, kernel_init, bias_init), {}

    def apply(params, state, x, *, key=None, train=False):
        return ops.dense(x, *_affine(params, x.dtype)), state

    return Layer("dense", init, apply, {"features": features, "use_bias": use_bias})


def conv2d(
    features,
    kernel_size,
    *,
    stride=1,
    padding="same",
    dilation=1,
    groups=1,
    use_bias=True,
    kernel_init=initializers.lecun_normal(),  # noqa: B008
    bias_init=initializers.zeros(),  # noqa: B008
):
    """Convolve pictures; the mathematics, `padding` and its rules are those of `fnnet.ops.conv2d`.

    Parameters
    ----------
    features : int
        Channels of the output, at least 1.
    kernel_size, stride, dilation : int or (int, int)
        In pixels, rows first, at least 1.
    padding : "same", "valid" or ((top, bottom), (left, right))
    groups : int
        Divides the input's channels and `features`.
    use_bias : bool
    kernel_init, bias_init : initialiser

    Returns
    -------
    Layer
        ``(N, H, W, C) -> (N, H', W', features)``; params `kernel`
        (kh, kw, C / groups, features), `bias` (features,).

    Raises
    ------
    LayerError
        If a number is below 1, `padding` is unknown, or `groups` does not divide the channels.
    """
    _require_positive("conv2d", features=features, groups=groups)
    _require_positive("conv2d", kernel_size=kernel_size, stride=stride, dilation=dilation)
    require(
        padding in ("same", "valid") or isinstance(padding, tuple | list),
        f"conv2d: padding={padding!r} must be 'same', 'valid' or ((top, bottom), (left, right))",
    )
    require(features % groups == 0, f"conv2d: groups={groups} must divide features={features}")

    def init(key, in_shape):
        channels = _picture_channels(in_shape)
        require(
            channels % groups == 0, f"groups={groups} must divide the input's {channels} channels"
        )
        shape = (*pair(kernel_size), channels // groups, features)
        return _affine_params(key, shape, use_bias, kernel_init, bias_init), {}

    def apply(params, state, x, *, key=None, train=False):
        kernel, bias = _affine(params, x.dtype)
        y = ops.conv2d(
            x, kernel, bias, stride=stride, padding=padding, dilation=dilation, groups=groups
        )
        return y, state

    config = {"features": features, "kernel_size": kernel_size, "stride": stride}
    config |= {"padding": padding, "dilation": dilation, "groups": groups, "use_bias": use_bias}
    return Layer("conv2d", init, apply, config)


def conv_transpose2d(
    features,
    kernel_size,
    *,
    stride=2,
    use_bias=True,
    kernel_init=initializers.lecun_normal(),  # noqa: B008
    bias_init=initializers.zeros(),  # noqa: B008
):
    """Convolve pictures onto a finer grid; the mathematics is `fnnet.ops.conv_transpose2d`'s.

    Parameters
    ----------
    features : int
        Channels of the output, at least 1.
    kernel_size, stride : int or (int, int)
        Size of the kernel and how many times finer the grid is, rows first, at least 1. A kernel
        size that the stride divides wastes no work and leaves no checkerboard in the overlaps.
    use_bias : bool
    kernel_init, bias_init : initialiser

    Returns
    -------
    Layer
        ``(N, H, W, C) -> (N, H * stride, W * stride, features)``; params `kernel`
        (kh, kw, C, features), `bias` (features,).

    Raises
    ------
    LayerError
        If a number is below 1.
    """
    _require_positive("conv_transpose2d", features=features)
    _require_positive("conv_transpose2d", kernel_size=kernel_size, stride=stride)

    def init(key, in_shape):
        shape = (*pair(kernel_size), _picture_channels(in_shape), features)
        return _affine_params(key, shape, use_bias, kernel_init, bias_init), {}

    def apply(params, state, x, *, key=None, train=False):
        return ops.conv_transpose2d(x, *_affine(params, x.dtype), stride=stride), state

    config = {"features": features, "kernel_size": kernel_size, "stride": stride}
    return Layer("conv_transpose2d", init, apply, config | {"use_bias": use_bias})


def max_pool(window=2, *, stride=None):
    """Keep each window's largest value; see `fnnet.ops.max_pool`. `stride` defaults to `window`."""
    return _pool("max_pool", ops.max_pool, window, stride)


def avg_pool(window=2, *, stride=None):
    """Average each window; see `fnnet.ops.avg_pool`. `stride` defaults to `window`."""
    return _pool("avg_pool", ops.avg_pool, window, stride)


def _pool(kind, function, window, stride):
    stride = window if stride is None else stride
    _require_positive(kind, window=window, stride=stride)
    return stateless(
        lambda x: function(x, window=window, stride=stride), kind=kind, window=window, stride=stride
    )


def resize(factor=2, *, method="bilinear"):
    """Enlarge pictures by a whole `factor`, "nearest" or "bilinear"; see `fnnet.ops.resize`."""
    _require_positive("resize", factor=factor)
    require(
        method in ("nearest", "bilinear"),
        f"resize: method={method!r} must be 'nearest' or 'bilinear'",
    )
    return stateless(
        lambda x: ops.resize(x, factor=factor, method=method),
        kind="resize",
        factor=factor,
        method=method,
    )


def depth_to_space(factor=2):
    """Move channels into space: (N, H, W, factor² * C) -> (N, H * factor, W * factor, C)."""
    _require_positive("depth_to_space", factor=factor)
    return stateless(
        lambda x: ops.depth_to_space(x, factor=factor), kind="depth_to_space", factor=factor
    )


def space_to_depth(factor=2):
    """Move space into channels: (N, H, W, C) -> (N, H / factor, W / factor, factor² * C)."""
    _require_positive("space_to_depth", factor=factor)
    return stateless(
        lambda x: ops.space_to_depth(x, factor=factor), kind="space_to_depth", factor=factor
    )


def _flatten(x):
    return x.reshape(x.shape[0], -1)


flatten = stateless(_flatten, kind="flatten")


def reshape(*shape):
    """Give each example another shape of as many numbers: (N, ...) -> (N, *shape)."""
    _require_positive("reshape", shape=shape)

    def function(x):
        require(
            math.prod(x.shape[1:]) == math.prod(shape),
            f"reshape: an example of shape {x.shape[1:]} has {math.prod(x.shape[1:])} numbers, "
            f"shape={shape} takes {math.prod(shape)}",
        )
        return x.reshape(x.shape[0], *shape)

    return stateless(function, kind="reshape", shape=shape)


def batch_norm(*, momentum=0.9, epsilon=1e-5):
    """Normalise each channel by the batch's mean and variance, then scale and shift it.

    In training the moments are the batch's, over all axes but the last, and running averages of
    them go into the state, the variance unbiased; with ``train=False`` the running ones are used,
    so that a picture's result does not depend on its neighbours in the batch.

    Parameters
    ----------
    momentum : float
        What a running average keeps at each step, in [0, 1).
    epsilon : float
        Added to the variance, above 0.

    Returns
    -------
    Layer
        ``(N, ..., C) -> (N, ..., C)``; params `scale`, `offset`, state `mean`, `variance`, all
        (C,) and float32.

    Raises
    ------
    LayerError
        If `momentum` or `epsilon` is out of range; in training, if a channel has one value only.

    References
    ----------
    Ioffe, Szegedy 2015, arXiv:1502.03167, algorithms 1 and 2.
    """
    require(0 <= momentum < 1, f"batch_norm: momentum={momentum} must be in [0, 1)")
    require(epsilon > 0, f"batch_norm: epsilon={epsilon} must be above 0")

    def init(key, in_shape):
        require(len(in_shape) >= 1, "an example needs at least one axis")
        ones, nothing = jnp.ones(in_shape[-1:]), jnp.zeros(in_shape[-1:])
        params = {"scale": ones, "offset": nothing}
        return params, {"mean": nothing.copy(), "variance": ones.copy()}

    def apply(params, state, x, *, key=None, train=False):
        mean, variance = state["mean"], state["variance"]
        if train:
            count = math.prod(x.shape[:-1])
            require(count > 1, "batch_norm needs more than one value a channel to train on")
            mean, variance = ops.moments(x, tuple(range(x.ndim - 1)))
            unbiased = variance * (count / (count - 1))
            # What is measured leaves without gradient: a loss on the state trains nothing.
            state = {
                "mean": _running(state["mean"], mean, momentum),
                "variance": _running(state["variance"], unbiased, momentum),
            }
        vectors = (mean, variance, params["scale"], params["offset"])
        return ops.batch_norm(x, *vectors, epsilon=epsilon), state

    return Layer("batch_norm", init, apply, {"momentum": momentum, "epsilon": epsilon})


def _running(average, batch, momentum):
    batch = jax.lax.stop_gradient(batch).astype(average.dtype)
    return momentum * average + (1 - momentum) * batch


def dropout(rate):
    """Drop the share `rate` of the values in training, scale up the others; identity otherwise.

    `rate` is in [0, 1). Needs a key in training; see `fnnet.ops.dropout`.
    """
    require(0 <= rate < 1, f"dropout: rate={rate} must be at least 0 and below 1")

    def apply(params, state, x, *, key=None, train=False):
        if not train:
            return x, state
        require(key is not None, "dropout needs a key in training: apply(..., key=key, train=True)")
        return ops.dropout(x, key, rate=rate), state

    return Layer("dropout", lambda key, in_shape: ({}, {}), apply, {"rate": rate})


def _affine_params(key, shape, use_bias, kernel_init, bias_init):
    kernel_key, bias_key = jax.random.split(key)
    params = {"kernel": kernel_init(kernel_key, shape, jnp.float32)}
    if use_bias:
        params["bias"] = bias_init(bias_key, shape[-1:], jnp.float32)
    return params


def _affine(params, dtype):
    """Take kernel and bias in the dtype of the layer's input."""
    bias = params.get("bias")
    return params["kernel"].astype(dtype), None if bias is None else bias.astype(dtype)


def _picture_channels(in_shape):
    require(len(in_shape) == 3, f"expects pictures (H, W, C), got an example of shape {in_shape}")
    return in_shape[2]


def _require_positive(kind, **settings):
    for name, value in settings.items():
        values = value if isinstance(value, tuple | list) else (value,)
        whole = all(isinstance(v, Integral) for v in values)
        require(whole, f"{kind}: {name}={value!r} must be a whole number or two")
        require(all(v >= 1 for v in values), f"{kind}: {name}={value} must be at least 1")
        require(
            len(values) <= 2 or name == "shape", f"{kind}: {name}={value} has more than two axes"
        )
