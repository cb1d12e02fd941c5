"""Forms in which a convolution and its two gradients are computed: JAX's own, and those for CPUs.

The forms of one function agree to rounding. The form that a CPU uses depends on shapes, strides,
dtype, and whether its compiler has oneDNN. The choices were measured:

=========================  ===============  ====================  =========  =====  =====
function, form             pixels, kernel   channels              dtype      JAX's   ours
=========================  ===============  ====================  =========  =====  =====
convolve, in space         64x64, 3x3       64 to 64              float32     24.9   22.0
convolve, in space         64x64, 3x3       3 to 64               float32      2.5    1.4
convolve, in space         128x128, 3x3     3 to 32, stride 2     float32      1.7    0.8
convolve, by shifts        64x64, 3x3       64, depthwise         float32     73.2    3.1
input gradient, convolved  64x64, 3x3       64 to 64              float32     24.6   21.8
input gradient, convolved  64x64, 3x3       64 to 64              bfloat16    34.3   11.2
input gradient, by phases  64x64, 4x4       32 to 64, stride 2    float32     27.3    8.7
input gradient, by phases  64x64, 4x4       32 to 64, stride 2    bfloat16    27.5    3.7
input gradient, by phases  64x64, 3x3       32 to 64, stride 2    bfloat16     7.4    3.5
input gradient, by shifts  64x64, 3x3       64, depthwise         float32     65.4    2.0
kernel gradient, product   64x64, 1x1       64 to 64              float32      5.9    3.9
kernel gradient, roles     64x64, 3x3       64 to 3               float32     11.0    3.1
kernel gradient, in tiles  96x96, 3x3       64 to 64              float32    183.1  103.2
kernel gradient, shifts    64x64, 3x3       64, depthwise         float32     40.0   17.5
kernel gradient, groups    64x64, 3x3       64 to 64, 4 groups    float32   1670.9   42.1
=========================  ===============  ====================  =========  =====  =====

In milliseconds for batches of 16, on two cores of an AMD EPYC (Zen 4) with jaxlib 0.12.0.1, from
experiments/records/lowerings; ``python -m experiments.lowerings`` measures them again.
"""

import functools
import itertools
import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from fnnet.core import at_least_float32
from fnnet.ops import conv_grouped
from fnnet.ops.shuffle import depth_to_space

LAYOUT = ("NHWC", "HWIO", "NHWC")

# A larger gradient of the output does not stay in the cache while the kernel's gradient is summed;
# tiles of the second size do.
MOST_BYTES = 24 << 20
TILE_BYTES = 6 << 20
# At most this many groups, or taps of a depthwise kernel, are computed one after another.
MOST_TERMS = 64


class Form(NamedTuple):
    """A bilinear function of two arrays: JAX's own form, and the one for CPUs."""

    name: str
    plain: Callable
    on_cpu: Callable


def convolve(x, kernel, *, strides, padding, dilation=(1, 1), groups=1, precision=None):
    """Convolve (N, H, W, C) with (kh, kw, C / groups, O)."""
    if is_product(kernel.shape, strides, padding, groups):
        return lax.dot_general(x, kernel[0, 0], (((3,), (0,)), ((), ())), precision=precision)
    return lax.conv_general_dilated(
        x,
        kernel,
        strides,
        padding,
        rhs_dilation=dilation,
        dimension_numbers=LAYOUT,
        feature_group_count=groups,
        precision=precision,
    )


def input_gradient(y, kernel, *, shape, groups=1, **settings):
    """Transpose `convolve` with respect to its images, of (height, width) `shape`."""
    # Of y's type except the shape: in a `shard_map` it varies over the axes that y varies over.
    like = jax.typeof(y).update(shape=(len(y), *shape, kernel.shape[2] * groups))
    form = functools.partial(convolve, groups=groups, **settings)
    (x,) = jax.linear_transpose(lambda x: form(x, kernel), like)(y)
    return x


def kernel_gradient(x, y, *, size, groups=1, **settings):
    """Transpose `convolve` with respect to its kernel, of (height, width) `size`."""
    like = jax.typeof(y).update(shape=(*size, x.shape[3] // groups, y.shape[3]))
    form = functools.partial(convolve, groups=groups, **settings)
    (kernel,) = jax.linear_transpose(lambda kernel: form(x, kernel), like)(y)
    return kernel


def convolve_on_cpu(x, kernel, *, strides, padding, dilation=(1, 1), groups=1):
    """Compute `convolve` in the fastest form for a CPU."""
    settings = {"strides": strides, "padding": padding}
    if dilation != (1, 1) or _is_large(groups, x.shape[3], kernel.shape):
        return unfused(convolve(x, kernel, **settings, dilation=dilation, groups=groups))
    if is_product(kernel.shape, strides, padding, groups):
        return unfused(_multiplied(x, kernel))
    if groups == x.shape[3] > 1:
        return conv_grouped.by_shifts(x, kernel, **settings)
    if groups > 1:
        each = functools.partial(convolve_on_cpu, **settings)
        return conv_grouped.one_by_one(each, x, kernel, groups)
    is_thin = kernel.shape[3] < 8  # oneDNN is slower for few output channels
    if x.dtype == jnp.float32 and not is_thin and min(map(min, padding)) >= 0 and has_onednn():
        return unfused(_in_space(x, kernel, strides, padding))
    return unfused(convolve(x, kernel, **settings))


def input_gradient_on_cpu(y, kernel, *, strides, padding, shape, dilation=(1, 1), groups=1):
    """Compute `input_gradient` in the fastest form for a CPU."""
    y = lax.optimization_barrier(y)  # for the reason in `kernel_gradient_on_cpu`
    settings = {"strides": strides, "padding": padding, "shape": shape}
    if dilation != (1, 1) or _is_large(groups, groups * kernel.shape[2], kernel.shape):
        return unfused(input_gradient(y, kernel, **settings, dilation=dilation, groups=groups))
    if is_product(kernel.shape, strides, padding, groups):
        return unfused(_multiplied(y, kernel.swapaxes(2, 3)))
    if groups > 1 and kernel.shape[2] == 1:
        return conv_grouped.input_gradient_by_shifts(y, kernel, **settings, channels=groups)
    if groups > 1:
        each = functools.partial(input_gradient_on_cpu, **settings)
        return conv_grouped.one_by_one(each, y, kernel, groups)
    if strides == (1, 1):
        return _as_convolution(y, kernel, padding, shape)
    if min(kernel.shape[:2]) > 3 or y.dtype == jnp.bfloat16:
        return _by_phases(y, kernel, strides, padding, shape)
    return unfused(input_gradient(y, kernel, **settings))


def kernel_gradient_on_cpu(x, y, *, strides, padding, size, dilation=(1, 1), groups=1):
    """Compute `kernel_gradient` in the fastest form for a CPU."""
    # Otherwise XLA computes x and y once more for this, and in a transposed order.
    x, y = lax.optimization_barrier((x, y))
    settings = {"strides": strides, "padding": padding, "size": size}
    if dilation != (1, 1) or _is_large(groups, x.shape[3], size):
        return unfused(kernel_gradient(x, y, **settings, dilation=dilation, groups=groups))
    if is_product(size, strides, padding, groups):
        return _as_product(x, y)
    if groups == x.shape[3] > 1:
        return conv_grouped.kernel_gradient_by_shifts(x, y, **settings)
    if groups > 1 and x.shape[3] // groups < 16:
        return conv_grouped.of_blocks(kernel_gradient_on_cpu(x, y, **settings), groups)
    if groups > 1:
        each = functools.partial(kernel_gradient_on_cpu, **settings)
        return conv_grouped.one_by_one(each, x, y, groups)
    if strides == (1, 1) and 2 * y.shape[3] < x.shape[3]:
        return _with_roles_exchanged(x, y, padding, size)
    return _in_tiles(x, y, **settings)


@functools.cache
def has_onednn():
    """Return whether the CPU's compiler passes float32 convolutions in 3-D space to oneDNN."""
    x = jax.ShapeDtypeStruct((1, 8, 8, 16), jnp.float32)
    kernel = jax.ShapeDtypeStruct((3, 3, 16, 16), jnp.float32)
    form = functools.partial(_in_space, strides=(1, 1), padding=((1, 1), (1, 1)))
    with jax.default_device(jax.local_devices(backend="cpu")[0]):
        return "__onednn$convolution" in jax.jit(form).lower(x, kernel).compile().as_text()


def unfused(y):
    """Prevent the compiler from fusing elementwise operations into the convolution before them.

    jaxlib 0.12.0.1 fuses them into oneDNN's convolutions and products, and wrongly where the result
    is used twice, as in the gradient of `silu`: relative errors reach 1, and a chain of more than
    32 operations ends the process. tests/system/test_compiler_flags.py shows both.
    """
    return lax.optimization_barrier(y)


def is_product(kernel_shape, strides, padding, groups):
    """Return whether a convolution is a matrix product: 1x1, without stride, padding or groups."""
    is_small = tuple(kernel_shape[:2]) == strides == (1, 1)
    return is_small and groups == 1 and not any(map(any, padding))


def _is_large(groups, channels, size):
    """Return whether there are too many groups, or taps of a depthwise kernel, to unroll."""
    terms = size[0] * size[1] if groups == channels else groups
    return groups > 1 and terms > MOST_TERMS


def _multiplied(x, kernel):
    """Multiply every pixel's channels with a 1x1 kernel."""
    return (x.reshape(-1, x.shape[3]) @ kernel[0, 0]).reshape(*x.shape[:3], kernel.shape[3])


def _in_space(x, kernel, strides, padding):
    """Convolve as in 3-D space of depth 1, which jaxlib passes to oneDNN in float32 too."""
    y = lax.conv_general_dilated(
        x[:, None],
        kernel[None],
        (1, *strides),
        ((0, 0), *padding),
        dimension_numbers=("NDHWC", "DHWIO", "NDHWC"),
    )
    return y[:, 0]


def _as_convolution(y, kernel, padding, shape):
    """Convolve with the flipped kernel; oneDNN does not take a reversed window."""
    flipped = lax.optimization_barrier(kernel[::-1, ::-1].swapaxes(2, 3))
    around = tuple(
        (k - 1 - low, n + low - m)
        for k, (low, _), n, m in zip(kernel.shape, padding, shape, y.shape[1:3], strict=False)
    )
    return convolve_on_cpu(y, flipped, strides=(1, 1), padding=around)


def _by_phases(y, kernel, strides, padding, shape):
    """Convolve the coarse array once for all pixels of a stride, then move them into space."""
    (sh, sw), (kh, kw, c, o) = strides, kernel.shape
    th, tw = -(-kh // sh), -(-kw // sw)
    k = jnp.pad(kernel, ((0, th * sh - kh), (0, tw * sw - kw), (0, 0), (0, 0)))
    k = k.reshape(th, sh, tw, sw, c, o)[::-1, :, ::-1]
    k = k.transpose(0, 2, 5, 1, 3, 4).reshape(th, tw, o, sh * sw * c)  # th, tw, O, (sh, sw, C)
    around = ((th - 1, th - 1), (tw - 1, tw - 1))
    x = depth_to_space(convolve_on_cpu(y, k, strides=(1, 1), padding=around), factor=strides)
    cut = [
        (-low, length + low - m, 0)
        for (low, _), length, m in zip(padding, shape, x.shape[1:3], strict=True)
    ]
    return lax.pad(x, jnp.zeros((), x.dtype), ((0, 0, 0), *cut, (0, 0, 0)))


def _as_product(x, y):
    """Multiply both arrays over all pixels: the gradient of a 1x1 kernel."""
    pixels = [array.reshape(-1, array.shape[3]) for array in (x, y)]
    return unfused(lax.dot_general(*pixels, (((0,), (0,)), ((), ()))))[None, None]


def _with_roles_exchanged(x, y, padding, size):
    """Convolve the gradient with the images: cheap if the gradient has few channels."""
    around = [(k - 1 - low, k - 1 - high) for k, (low, high) in zip(size, padding, strict=True)]
    flipped = lax.conv_general_dilated(
        y, x, (1, 1), around, dimension_numbers=("CHWN", "IHWO", "HWNC")
    )
    return unfused(flipped)[::-1, ::-1].swapaxes(2, 3)


def _in_tiles(x, y, strides, padding, size):
    """Sum the kernel's gradient over bands of rows, each small enough for the cache."""
    height, row_bytes = y.shape[1], y.size * y.dtype.itemsize // y.shape[1]
    if y.size * y.dtype.itemsize <= MOST_BYTES:
        return unfused(kernel_gradient(x, y, strides=strides, padding=padding, size=size))
    # Rows, not images: the batch axis may be sharded over several devices.
    count = math.ceil(height / max(TILE_BYTES // row_bytes, 1))
    (top, bottom), across = padding
    x = lax.pad(x, jnp.zeros((), x.dtype), ((0, 0, 0), (top, bottom, 0), (0, 0, 0), (0, 0, 0)))
    total = 0
    for first, last in _bands(height, count):
        rows = slice(first * strides[0], (last - 1) * strides[0] + size[0])
        settings = {"strides": strides, "padding": ((0, 0), across), "size": size}
        total += at_least_float32(
            unfused(kernel_gradient(x[:, rows], y[:, first:last], **settings))
        )
    return total.astype(x.dtype)


def _bands(length, count):
    bounds = [i * length // count for i in range(count + 1)]
    return itertools.pairwise(bounds)


CONVOLVE = Form("convolve", convolve, convolve_on_cpu)
INPUT_GRADIENT = Form("input_gradient", input_gradient, input_gradient_on_cpu)
KERNEL_GRADIENT = Form("kernel_gradient", kernel_gradient, kernel_gradient_on_cpu)
