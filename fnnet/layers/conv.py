"""Convolution layers."""

from fnnet import ops
from fnnet.core import require, require_integer, require_integer_pair
from fnnet.layers.affine import LECUN_NORMAL, ZEROS, affine_layer
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
    """Convolve images; formula and `padding` as in `fnnet.ops.conv2d`.

    Parameters
    ----------
    features : int
        Channels of the output, at least 1.
    kernel_size, stride, dilation : int or (int, int)
        In pixels, rows first, at least 1.
    padding : "same", "valid", "reflect", "edge" or ((top, bottom), (left, right))
    groups : int
        Number of groups; divides the input's channels and `features`.
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
    check_convolution("conv2d", **settings)
    require(features % groups == 0, f"conv2d: groups={groups} must divide features={features}")

    def channels(inputs):
        require(inputs % groups == 0, f"groups={groups} must divide the input's {inputs} channels")
        return inputs // groups, features

    return _convolution(
        ops.conv2d,
        channels,
        sizes={"features": features, "kernel_size": kernel_size},
        settings=settings,
        use_bias=use_bias,
        kernel_init=kernel_init,
        bias_init=bias_init,
    )


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
    """Convolve each channel separately; formula as in `fnnet.ops.depthwise_conv2d`.

    Parameters
    ----------
    kernel_size, stride, dilation : int or (int, int)
        In pixels, rows first, at least 1.
    multiplier : int
        Output channels per input channel, at least 1.
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
    check_convolution("depthwise_conv2d", **settings)
    return _convolution(
        ops.depthwise_conv2d,
        lambda inputs: (1, inputs * multiplier),
        sizes={"kernel_size": kernel_size, "multiplier": multiplier},
        settings=settings,
        use_bias=use_bias,
        kernel_init=kernel_init,
        bias_init=bias_init,
    )


def conv_transpose2d(
    features,
    kernel_size,
    *,
    stride=2,
    use_bias=True,
    kernel_init=LECUN_NORMAL,
    bias_init=ZEROS,
):
    """Convolve images onto a finer grid; definition as in `fnnet.ops.conv_transpose2d`.

    Parameters
    ----------
    features : int
        Channels of the output, at least 1.
    kernel_size, stride : int or (int, int)
        Size of the kernel and refinement of the grid, rows first, at least 1. If the stride divides
        the kernel size, all pixels get equally many taps: no checkerboard arises from overlaps.
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
    check_convolution("conv_transpose2d", stride=stride)
    return _convolution(
        ops.conv_transpose2d,
        lambda inputs: (inputs, features),
        sizes={"features": features, "kernel_size": kernel_size},
        settings={"stride": stride},
        use_bias=use_bias,
        kernel_init=kernel_init,
        bias_init=bias_init,
    )


def _convolution(op, channels, *, sizes, **options):
    """Build the layer around `op`; `channels` maps input channels to the kernel's last two axes."""
    require_integer_pair(f"{op.__name__}: kernel_size", sizes["kernel_size"])

    def kernel_shape(in_shape):
        require(len(in_shape) == 3, f"expects images (H, W, C), got an example of shape {in_shape}")
        return *pair(sizes["kernel_size"]), *channels(in_shape[2])

    return affine_layer(op.__name__, op, kernel_shape, sizes=sizes, **options)
