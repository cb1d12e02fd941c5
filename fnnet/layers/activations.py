"""Activations as layers."""

from fnnet import initializers, ops
from fnnet.core import Layer, require
from fnnet.layers.affine import check_initializers, draw_params
from fnnet.layers.stateless import op_layer

identity = op_layer(ops.identity)
relu = op_layer(ops.relu)
leaky_relu = op_layer(ops.leaky_relu)
elu = op_layer(ops.elu)
gelu = op_layer(ops.gelu)
silu = op_layer(ops.silu)
softplus = op_layer(ops.softplus)
sigmoid = op_layer(ops.sigmoid)
tanh = op_layer(ops.tanh)
softmax = op_layer(ops.softmax)
hard_sigmoid = op_layer(ops.hard_sigmoid)
hard_tanh = op_layer(ops.hard_tanh)
hard_swish = op_layer(ops.hard_swish)


def prelu(*, slope_init=initializers.constant(0.25)):  # noqa: B008 (a pure function)
    """Return positive values unchanged, and negative ones times a learned slope per channel.

    Parameters
    ----------
    slope_init : initialiser
        For the slopes, (C,).

    Returns
    -------
    Layer
        ``(N, ..., C) -> (N, ..., C)``; params `slope` (C,).

    Raises
    ------
    LayerError
        In ``init``, if an example has no axis.

    References
    ----------
    He et al. 2015, arXiv:1502.01852, equation 1, which advises against weight decay on `slope`.
    """
    check_initializers("prelu", slope_init)

    def init(key, in_shape):
        require(len(in_shape) >= 1, "an example needs at least one axis")
        return {"slope": draw_params(slope_init, key, in_shape[-1:])}, {}

    def apply(params, state, x, *, key=None, train=False):
        return ops.prelu(x, params["slope"].astype(x.dtype)), state

    return Layer("prelu", init, apply, {"slope_init": slope_init})
