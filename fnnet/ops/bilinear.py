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

# So many mapped pictures with mapped kernels are computed one after another. As one grouped
# convolution, which is JAX's way, three cost as much as six on a CPU; but the program grows with
# each.
UNROLLED = 16


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


def _primitive(form, folds):
    """Make the primitive of a form, with its lowerings, batching and eager evaluation.

    `folds` tells for either argument, mapped over alone, which of its axes the mapped one is
    folded into, and which axis of the result it comes out of.
    """
    primitive = Primitive(form.name)
    primitive.def_abstract_eval(partial(_abstract, form.plain))
    mlir.register_lowering(primitive, mlir.lower_fun(form.plain, multiple_results=False))
    mlir.register_lowering(
        primitive, mlir.lower_fun(form.on_cpu, multiple_results=False), platform="cpu"
    )
    primitive.def_impl(partial(_compiled, primitive))
    batching.primitive_batchers[primitive] = partial(_batch, primitive, form.plain, folds)
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


def _batch(primitive, plain, folds, arguments, mapped, **settings):
    """Fold a mapped axis into another where only one argument has it; else go one by one."""
    index = 0 if mapped[1] is None else 1
    into, out_of = folds[index]
    # The channels of groups are apart, so that what is folded into them would have to be too.
    if None in mapped and (settings["groups"] == 1 or into == 0):
        arguments = list(arguments)
        array = jnp.moveaxis(arguments[index], mapped[index], into)
        count = array.shape[into]
        arguments[index] = array.reshape(_merged(array.shape, into))
        result = primitive.bind(*arguments, **settings)
        return result.reshape(_divided(result.shape, out_of, count)), out_of
    count = arguments[index].shape[mapped[index]]
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


def _merged(shape, axis):
    return (*shape[:axis], shape[axis] * shape[axis + 1], *shape[axis + 2 :])


def _divided(shape, axis, count):
    return (*shape[:axis], count, shape[axis] // count, *shape[axis + 1 :])


_convolve = _primitive(lowering.CONVOLVE, ((0, 0), (3, 3)))
_input_gradient = _primitive(lowering.INPUT_GRADIENT, ((0, 0), (2, 3)))
_kernel_gradient = _primitive(lowering.KERNEL_GRADIENT, ((3, 2), (3, 3)))


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
