"""Convolutions with their kernels and biases."""

from fnnet import ops
from fnnet.core import Layer, require, require_integer, require_integer_pair
from fnnet.layers.dense import (
    LECUN_NORMAL,
    ZEROS,
    affine,
    affine_config,
    affine_params,
    check_initializers,
)
from fnnet.ops.checks import pair
from fnnet.ops.conv import check_convolution


def conv2d(
    features,
    kernel_size,
    *,
    stride=1,
    padding="same",
    dilation=1,
    groups=1,
    use_bias=True,
    kernel_init=LECUN_NORMAL,
    bias_init=ZEROS,
):
    """Convolve images; the mathematics, `padding` and its rules are those of `fnnet.ops.conv2d`.

    Parameters
    ----------
    features : int
        Channels of the output, at least 1.
    kernel_size, stride, dilation : int or (int, int)
        In pixels, rows first, at least 1.
    padding : "same", "valid", "reflect", "edge" or ((top, bottom), (left, right))
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
    settings = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    require_integer("conv2d: features", features)
    require_integer_pair("conv2d: kernel_size", kernel_size)
    check_convolution("conv2d", **settings)
    check_initializers("conv2d", kernel_init, bias_init)
    require(features % groups == 0, f"conv2d: groups={groups} must divide features={features}")

    def init(key, in_shape):
        channels = _image_channels(in_shape)
        require(
            channels % groups == 0, f"groups={groups} must divide the input's {channels} channels"
        )
        shape = (*pair(kernel_size), channels // groups, features)
        return affine_params(key, shape, use_bias, kernel_init, bias_init), {}

    def apply(params, state, x, *, key=None, train=False):
        return ops.conv2d(x, *affine(params, x.dtype), **settings), state

    config = {"features": features, "kernel_size": kernel_size} | settings
    config |= affine_config(use_bias, kernel_init, bias_init)
    return Layer("conv2d", init, apply, config)


def depthwise_conv2d(
    kernel_size,
    *,
    multiplier=1,
    stride=1,
    padding="same",
    dilation=1,
    use_bias=True,
    kernel_init=LECUN_NORMAL,
    bias_init=ZEROS,
):
    """Convolve each channel for itself; the mathematics is `fnnet.ops.depthwise_conv2d`'s.

    Parameters
    ----------
    kernel_size, stride, dilation : int or (int, int)
        In pixels, rows first, at least 1.
    multiplier : int
        Kernels, and so channels of the output, for each channel of the input, at least 1.
    padding : "same", "valid", "reflect", "edge" or ((top, bottom), (left, right))
    use_bias : bool
    kernel_init, bias_init : initialiser

    Returns
    -------
    Layer
        ``(N, H, W, C) -> (N, H', W', C * multiplier)``; params `kernel`
        (kh, kw, 1, C * multiplier), `bias` (C * multiplier,).

    Raises
    ------
    LayerError
        If a number is below 1 or `padding` is unknown.
    """
    settings = {"stride": stride, "padding": padding, "dilation": dilation}
    require_integer("depthwise_conv2d: multiplier", multiplier)
    require_integer_pair("depthwise_conv2d: kernel_size", kernel_size)
    check_convolution("depthwise_conv2d", **settings)
    check_initializers("depthwise_conv2d", kernel_init, bias_init)

    def init(key, in_shape):
        shape = (*pair(kernel_size), 1, _image_channels(in_shape) * multiplier)
        return affine_params(key, shape, use_bias, kernel_init, bias_init), {}

    def apply(params, state, x, *, key=None, train=False):
        return ops.depthwise_conv2d(x, *affine(params, x.dtype), **settings), state

    config = {"kernel_size": kernel_size, "multiplier": multiplier} | settings
    config |= affine_config(use_bias, kernel_init, bias_init)
    return Layer("depthwise_conv2d", init, apply, config)


def conv_transpose2d(
    features,
    kernel_size,
    *,
    stride=2,
    use_bias=True,
    kernel_init=LECUN_NORMAL,
    bias_init=ZEROS,
):
    """Convolve images onto a finer grid; the mathematics is `fnnet.ops.conv_transpose2d`'s.

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
    require_integer("conv_transpose2d: features", features)
    require_integer_pair("conv_transpose2d: kernel_size", kernel_size)
    check_convolution("conv_transpose2d", stride=stride)
    check_initializers("conv_transpose2d", kernel_init, bias_init)

    def init(key, in_shape):
        shape = (*pair(kernel_size), _image_channels(in_shape), features)
        return affine_params(key, shape, use_bias, kernel_init, bias_init), {}

    def apply(params, state, x, *, key=None, train=False):
        return ops.conv_transpose2d(x, *affine(params, x.dtype), stride=stride), state

    config = {"features": features, "kernel_size": kernel_size, "stride": stride}
    config |= affine_config(use_bias, kernel_init, bias_init)
    return Layer("conv_transpose2d", init, apply, config)


def _image_channels(in_shape):
    require(len(in_shape) == 3, f"expects images (H, W, C), got an example of shape {in_shape}")
    return in_shape[2]
