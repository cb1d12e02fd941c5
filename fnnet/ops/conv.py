"""Convolution and transposed convolution of images: NHWC, kernels HWIO."""

from numbers import Integral

import jax
import jax.numpy as jnp
from jax import lax

from fnnet.core import require, require_floating, require_integer, require_integer_pair
from fnnet.ops import conv_primitives
from fnnet.ops.channels import add_bias, channels_first
from fnnet.ops.checks import pair, require_images

PADDINGS = "'same', 'valid', 'reflect', 'edge' or ((top, bottom), (left, right))"


def conv2d(x, kernel, bias=None, *, stride=1, padding="same", dilation=1, groups=1):
    """Convolve images (cross-correlation, as is usual in deep learning).

    ``y[n, i, j, o] = sum_{a, b, c} kernel[a, b, c, o] x[n, i s + a d - lo, j s + b d - lo, c]``

    Parameters
    ----------
    x : array (N, H, W, C)
    kernel : array (kh, kw, C / groups, O)
    bias : array (O,), optional
    stride, dilation : int or (int, int)
        In pixels, rows first, at least 1.
    padding : "same", "valid", "reflect", "edge" or ((top, bottom), (left, right))
        "same" pads with zeros to ``ceil(H / stride)`` rows of output; of an odd number of zeros the
        larger half goes to the bottom and the right. "valid" does not pad. "reflect" and "edge" pad
        as much as "same", but with the image's own pixels: mirrored at the outermost pixel, or
        repeating it. Integers are numbers of zeros; negative ones crop.
    groups : int
        Number of groups into which channels are split; no group sees another's channels.

    Returns
    -------
    array (N, H', W', O)

    Raises
    ------
    LayerError
        If axes, channels or groups do not fit, or the kernel is larger than the padded image.
    """
    check_convolution("conv2d", stride=stride, padding=padding, dilation=dilation, groups=groups)
    _check_image(x, kernel, groups)
    require(
        kernel.shape[3] % groups == 0, f"groups={groups} must divide {kernel.shape[3]} features"
    )
    size = tuple((k - 1) * d + 1 for k, d in zip(kernel.shape, pair(dilation), strict=False))
    padded, zeros = _pad(x, size, pair(stride), padding)
    settings = {"strides": pair(stride), "padding": zeros, "dilation": pair(dilation)}
    fits = all(
        n + low + high >= covered
        for n, (low, high), covered in zip(padded.shape[1:3], zeros, size, strict=True)
    )
    require(
        fits,
        f"a kernel of {kernel.shape[0]}x{kernel.shape[1]} does not fit into "
        f"{x.shape[1]}x{x.shape[2]} pixels with padding={padding!r}",
    )
    y = conv_primitives.convolve(padded, kernel, **settings, groups=groups)
    return add_bias(y, bias)


def check_convolution(name, *, stride=1, padding="same", dilation=1, groups=1):
    """Raise for settings that no convolution can have."""
    require_integer_pair(f"{name}: stride", stride)
    require_integer_pair(f"{name}: dilation", dilation)
    require_integer(f"{name}: groups", groups)
    if not isinstance(padding, str):
        are_pairs = jax.tree.structure(padding) == jax.tree.structure(((0, 0), (0, 0)))
        is_valid = are_pairs and all(isinstance(n, Integral) for n in jax.tree.leaves(padding))
    else:
        is_valid = padding in ("same", "valid", "reflect", "edge")
    require(is_valid, f"{name}: padding={padding!r} must be {PADDINGS}")


def _pad(x, size, strides, padding):
    """Pad for a kernel that covers `size`; return the images, and the zeros still to be added."""
    nothing = ((0, 0), (0, 0))
    if not isinstance(padding, str):
        return x, tuple(tuple(map(int, sides)) for sides in padding)
    if padding == "valid":
        return x, nothing
    sides = tuple(map(tuple, lax.padtype_to_pads(x.shape[1:3], size, strides, "SAME")))
    if padding == "same":
        return x, sides
    most = max(max(pair) for pair in sides)
    require(
        padding == "edge" or most < min(x.shape[1:3]),
        f"padding='reflect' by {most} pixels needs more pixels than that, the image has "
        f"{x.shape[1]}x{x.shape[2]}; padding='edge' does not",
    )
    return jnp.pad(x, ((0, 0), *sides, (0, 0)), padding), nothing


def depthwise_conv2d(x, kernel, bias=None, *, stride=1, padding="same", dilation=1):
    """Convolve each channel separately, with `m` kernels per channel.

    ``y[n, i, j, c m + o] = sum_{a, b} kernel[a, b, 0, c m + o] x[n, i s + a d - lo, ..., c]``

    Parameters
    ----------
    x : array (N, H, W, C)
    kernel : array (kh, kw, 1, C * m)
    bias : array (C * m,), optional
    stride, padding, dilation
        As in `conv2d`, of which this is the case ``groups=C``.

    Returns
    -------
    array (N, H', W', C * m)

    Raises
    ------
    LayerError
        If axes or channels do not fit, or the kernel is larger than the padded image.

    References
    ----------
    Howard et al. 2017, arXiv:1704.04861, equation 3.
    """
    require_images(x)
    require(
        kernel.ndim == 4 and kernel.shape[2] == 1 and kernel.shape[3] % x.shape[3] == 0,
        f"a depthwise kernel is (kh, kw, 1, m * C): {kernel.shape} does not fit the image's "
        f"{x.shape[3]} channels" + channels_first(x, kernel.shape[-1]),
    )
    return conv2d(
        x, kernel, bias, stride=stride, padding=padding, dilation=dilation, groups=x.shape[3]
    )


def conv_transpose2d(x, kernel, bias=None, *, stride=2):
    """Convolve images onto a `stride` times finer grid (transposed convolution).

    The same function as ``lax.conv_transpose(x, kernel, stride, 'SAME')``: the adjoint of a
    strided convolution whose kernel is flipped and has its input and output channels exchanged.

    Parameters
    ----------
    x : array (N, H, W, C)
    kernel : array (kh, kw, C, O)
    bias : array (O,), optional
    stride : int or (int, int)
        Factor of refinement, rows first, at least 1.

    Returns
    -------
    array (N, H * stride, W * stride, O)

    Notes
    -----
    It is computed as that adjoint, the gradient of a strided convolution with respect to its input.
    The kernel's gradient is then that of the strided convolution, which XLA computes well; that of
    ``lax.conv_transpose`` is the slowest part of an autoencoder's step on a CPU.
    """
    check_convolution("conv_transpose2d", stride=stride)
    _check_image(x, kernel, 1)
    strides, size = pair(stride), x.shape[1:3]
    padding = tuple(
        _pads_of_adjoint(n, k, s) for n, k, s in zip(size, kernel.shape, strides, strict=False)
    )
    y = conv_primitives.input_gradient(
        x,
        kernel[::-1, ::-1].swapaxes(2, 3),
        strides=strides,
        padding=padding,
        shape=tuple(n * s for n, s in zip(size, strides, strict=True)),
    )
    return add_bias(y, bias)


def _pads_of_adjoint(length, kernel, stride):
    """Return padding (low, high) with which `length` windows cover ``length * stride`` pixels."""
    low = max(kernel - stride, 0) // 2
    return low, kernel - stride - low


def _check_image(x, kernel, groups):
    require_images(x)
    require_floating(x)
    require(kernel.ndim == 4, f"expects a kernel (kh, kw, C, O), got shape {kernel.shape}")
    channels, expected = x.shape[3], kernel.shape[2] * groups
    require(
        channels == expected,
        f"the kernel expects {expected} channels, the last axis has {channels}"
        + channels_first(x, expected),
    )
