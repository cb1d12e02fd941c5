"""Convolution as three primitives, so that a faster form costs no transformation.

A convolution is linear in the images and in the kernel, and so are its two gradients: of
``y = convolve(x, kernel)`` they are ``input_gradient(y, kernel)`` and ``kernel_gradient(x, y)``.
Transposing any of the three in either argument gives another of them. So they are closed under
differentiation of every order, forwards and backwards, and no rule for derivatives depends on the
form in which each is computed (`fnnet.ops.conv_lowering` chooses).

Code that knows JAX's own primitives by name does not know these:
`jax.checkpoint_policies.dots_saveable` recomputes them, and `jax.experimental.jet` rejects them.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir, xla

from fnnet.ops import conv_lowering

# At most this many mapped kernels are unrolled, on any device: JAX would build one grouped
# convolution of them, which is slow on a CPU. But the program grows with each kernel.
UNROLLED = 32


def convolve(x, kernel, *, strides, padding, dilation=(1, 1), groups=1):
    """Convolve images.

    Parameters
    ----------
    x : array (N, H, W, C)
    kernel : array (kh, kw, C / groups, O)
        Of `x`'s dtype.
    strides : (int, int)
    padding : ((top, bottom), (left, right))
        Zeros; negative numbers crop.
    dilation : (int, int)
        Of the kernel.
    groups : int
        Number of groups into which channels are split; no group sees another's channels.

    Returns
    -------
    array (N, H', W', O)
    """
    settings = {"strides": strides, "padding": padding, "dilation": dilation, "groups": groups}
    return _bind(_convolve, x, kernel, **settings)


def input_gradient(y, kernel, *, strides, padding, shape):
    """Transpose `convolve` with respect to its images.

    Parameters
    ----------
    y : array (N, H', W', O)
    kernel : array (kh, kw, C, O)
        Of `y`'s dtype.
    strides, padding
        Those of the convolution, which has neither dilation nor groups.
    shape : (int, int)
        Height and width of the convolution's images.

    Returns
    -------
    array (N, H, W, C)
    """
    settings = {"strides": strides, "padding": padding, "dilation": (1, 1), "groups": 1}
    return _bind(_input_gradient, y, kernel, **settings, shape=shape)


def _bind(primitive, first, second, **settings):
    """Bind as `lax` does: in the context's precision, varying over the same `shard_map` axes."""
    varying = [jax.typeof(array).manual_axis_type.varying for array in (first, second)]
    first, second = (
        lax.pcast(array, tuple(wanted - axes), to="varying") if wanted - axes else array
        for array, axes, wanted in ((first, *varying), (second, *varying[::-1]))
    )
    precision = jax.config.jax_default_matmul_precision
    return primitive.bind(first, second, **settings, precision=precision)


def _primitive(form, has_images):
    """Build the primitive of a form, with its lowerings, batching and eager evaluation.

    `has_images` means that its first array holds images which are computed independently.
    """
    primitive = Primitive(form.name)
    primitive.def_abstract_eval(partial(_abstract, form.plain))
    mlir.register_lowering(primitive, mlir.lower_fun(form.plain, multiple_results=False))
    mlir.register_lowering(
        primitive,
        mlir.lower_fun(partial(_on_cpu, form), multiple_results=False),
        platform="cpu",
    )
    primitive.def_impl(partial(xla.apply_primitive, primitive))
    batching.primitive_batchers[primitive] = partial(_batch, primitive, form.plain, has_images)
    return primitive


def _on_cpu(form, a, b, *, precision, **settings):
    """Compute `form` on a CPU, which has one precision per dtype."""
    return form.on_cpu(a, b, **settings)


def _abstract(plain, a, b, **settings):
    shape = jax.eval_shape(partial(plain, **settings), _like(a), _like(b))
    return a.update(shape=shape.shape, dtype=shape.dtype, weak_type=False)


def _like(aval):
    return jax.ShapeDtypeStruct(aval.shape, aval.dtype)


def _batch(primitive, plain, has_images, arguments, mapped, **settings):
    """Fold a mapped image axis into the batch axis; unroll over mapped kernels.

    Mapped matrix products are not unrolled: they have a batch axis of their own, on any device.
    """
    if has_images and mapped[1] is None:
        images = jnp.moveaxis(arguments[0], mapped[0], 0)
        count, size, *rest = images.shape
        y = primitive.bind(images.reshape(count * size, *rest), arguments[1], **settings)
        return y.reshape(count, size, *y.shape[1:]), 0
    count = next(
        array.shape[axis] for array, axis in zip(arguments, mapped, strict=True) if axis is not None
    )
    if _is_product(arguments[1], mapped[1], **settings) or not 0 < count <= UNROLLED:
        unfused = lambda a, b: conv_lowering.unfused(plain(a, b, **settings))  # noqa: E731
        return jax.vmap(unfused, mapped)(*arguments), 0
    each = [
        [
            array if axis is None else lax.index_in_dim(array, i, axis, keepdims=False)
            for array, axis in zip(arguments, mapped, strict=True)
        ]
        for i in range(count)
    ]
    return jnp.stack([primitive.bind(*pair, **settings) for pair in each]), 0


def _is_product(kernel, axis, *, strides, padding, groups, size=None, **_):
    if size is None:
        size = [length for i, length in enumerate(kernel.shape) if i != axis][:2]
    return conv_lowering.is_product(size, strides, padding, groups)


_convolve = _primitive(conv_lowering.CONVOLVE, has_images=True)
_input_gradient = _primitive(conv_lowering.INPUT_GRADIENT, has_images=True)
_kernel_gradient = _primitive(conv_lowering.KERNEL_GRADIENT, has_images=False)


def _to_input(y, x, kernel, **settings):
    return _input_gradient.bind(y, kernel, shape=x.aval.shape[1:3], **settings)


def _to_kernel(y, x, kernel, **settings):
    return _kernel_gradient.bind(x, y, size=kernel.aval.shape[:2], **settings)


ad.defbilinear(_convolve, _to_input, _to_kernel)
ad.defbilinear(
    _input_gradient,
    lambda x, y, kernel, *, shape, **settings: _convolve.bind(x, kernel, **settings),
    lambda x, y, kernel, *, shape, **settings: _to_kernel(y, x, kernel, **settings),
)
ad.defbilinear(
    _kernel_gradient,
    lambda kernel, x, y, *, size, **settings: _to_input(y, x, kernel, **settings),
    lambda kernel, x, y, *, size, **settings: _convolve.bind(x, kernel, **settings),
)
