"""Activations as layers."""

from fnnet import initializers, ops
from fnnet.core import Layer, require
from fnnet.layers.dense import check_initializers, drawn
from fnnet.layers.stateless import stateless

identity = stateless(ops.identity)
relu = stateless(ops.relu)
leaky_relu = stateless(ops.leaky_relu)
elu = stateless(ops.elu)
gelu = stateless(ops.gelu)
silu = stateless(ops.silu)
softplus = stateless(ops.softplus)
sigmoid = stateless(ops.sigmoid)
tanh = stateless(ops.tanh)
softmax = stateless(ops.softmax)
hard_sigmoid = stateless(ops.hard_sigmoid)
hard_tanh = stateless(ops.hard_tanh)
hard_swish = stateless(ops.hard_swish)


def prelu(*, slope_init=initializers.constant(0.25)):  # noqa: B008 (a pure function)
    """Pass what is above 0, scale what is below by a slope learnt for each channel.

    Parameters
    ----------
    slope_init : initialiser
        Of the slopes, (C,).

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
    He et al. 2015, arXiv:1502.01852, equation 1; weight decay on `slope` works against it.
    """
    check_initializers("prelu", slope_init)

    def init(key, in_shape):
        require(len(in_shape) >= 1, "an example needs at least one axis")
        return {"slope": drawn(slope_init, key, in_shape[-1:])}, {}

    def apply(params, state, x, *, key=None, train=False):
        return ops.prelu(x, params["slope"].astype(x.dtype)), state

    return Layer("prelu", init, apply, {"slope_init": slope_init})
