"""Convolution as three primitives, so that a faster form costs no transformation.

A convolution is linear in the picture and in the kernel, and so are its two gradients: of
``y = convolve(x, kernel)`` they are ``input_gradient(y, kernel)`` and ``kernel_gradient(x, y)``.
Transposing any of the three in either argument gives another of them. So they are closed under
differentiation of every order, forwards and backwards, and how each is computed is free
(`fnnet.ops.lowering` chooses): no rule for derivatives hangs on it.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from fnnet.ops import lowering

# So many mapped kernels are computed one after another. As one grouped convolution, which is JAX's
# way, three cost as much as six on a CPU; but the program grows with each.
UNROLLED = 32


def convolve(x, kernel, *, strides, padding, dilation=(1, 1), groups=1):
    """Convolve pictures.

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
        Channels are cut into so many groups that do not see each other.

    Returns
    -------
    array (N, H', W', O)
    """
    settings = {"strides": strides, "padding": padding, "dilation": dilation, "groups": groups}
    return _convolve.bind(x, kernel, **settings)


def input_gradient(y, kernel, *, strides, padding, shape):
    """Transpose `convolve` in its pictures.

    Parameters
    ----------
    y : array (N, H', W', O)
    kernel : array (kh, kw, C, O)
        Of `y`'s dtype.
    strides, padding
        Those of the convolution, which has neither dilation nor groups.
    shape : (int, int)
        Its pictures' height and width.

    Returns
    -------
    array (N, H, W, C)
    """
    settings = {"strides": strides, "padding": padding, "dilation": (1, 1), "groups": 1}
    return _input_gradient.bind(y, kernel, **settings, shape=shape)


def _primitive(form, has_pictures):
    """Make the primitive of a form, with its lowerings, batching and eager evaluation.

    `has_pictures` says that it is linear in a first array of pictures, each for itself.
    """
    primitive = Primitive(form.name)
    primitive.def_abstract_eval(partial(_abstract, form.plain))
    mlir.register_lowering(primitive, mlir.lower_fun(form.plain, multiple_results=False))
    mlir.register_lowering(
        primitive, mlir.lower_fun(form.on_cpu, multiple_results=False), platform="cpu"
    )
    primitive.def_impl(partial(_compiled, primitive))
    batching.primitive_batchers[primitive] = partial(_batch, primitive, form.plain, has_pictures)
    return primitive


def _abstract(plain, a, b, **settings):
    shape = jax.eval_shape(partial(plain, **settings), _like(a), _like(b))
    return jax.core.ShapedArray(shape.shape, shape.dtype)


def _like(aval):
    return jax.ShapeDtypeStruct(aval.shape, aval.dtype)


_SETTINGS = ("strides", "padding", "dilation", "groups", "shape", "size")


@partial(jax.jit, static_argnums=0, static_argnames=_SETTINGS)
def _compiled(primitive, a, b, **settings):
    return primitive.bind(a, b, **settings)


def _batch(primitive, plain, has_pictures, arguments, mapped, **settings):
    """Take mapped pictures as more of them; go through mapped kernels one by one."""
    if has_pictures and mapped[1] is None:
        pictures = jnp.moveaxis(arguments[0], mapped[0], 0)
        count, size, *rest = pictures.shape
        y = primitive.bind(pictures.reshape(count * size, *rest), arguments[1], **settings)
        return y.reshape(count, size, *y.shape[1:]), 0
    count = next(
        array.shape[axis] for array, axis in zip(arguments, mapped, strict=True) if axis is not None
    )
    if count > UNROLLED:
        return jax.vmap(partial(plain, **settings), mapped)(*arguments), 0
    each = [
        [
            array if axis is None else lax.index_in_dim(array, i, axis, keepdims=False)
            for array, axis in zip(arguments, mapped, strict=True)
        ]
        for i in range(count)
    ]
    return jnp.stack([primitive.bind(*pair, **settings) for pair in each]), 0


_convolve = _primitive(lowering.CONVOLVE, has_pictures=True)
_input_gradient = _primitive(lowering.INPUT_GRADIENT, has_pictures=True)
_kernel_gradient = _primitive(lowering.KERNEL_GRADIENT, has_pictures=False)


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
