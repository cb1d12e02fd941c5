"""Dropout of values and of channels."""

from fnnet import ops
from fnnet.core import Layer, require
from fnnet.layers.stateless import no_params


def dropout(rate):
    """Zero a share `rate` of the values during training and scale up the others; else identity.

    (N, ...) -> (N, ...). `rate` is in [0, 1). Training needs a key; see `fnnet.ops.dropout`.
    """
    return _dropout("dropout", ops.dropout, rate)


def spatial_dropout(rate):
    """Zero a share `rate` of an example's channels during training; identity at inference.

    (N, ..., C) -> (N, ..., C). `rate` is in [0, 1). Training needs a key; see
    `fnnet.ops.spatial_dropout`.
    """
    return _dropout("spatial_dropout", ops.spatial_dropout, rate)


def _dropout(kind, function, rate):
    require(0 <= rate < 1, f"{kind}: rate={rate} must be at least 0 and below 1")

    def apply(params, state, x, *, key=None, train=False):
        if not train:
            return x, state
        require_key(kind, key)
        return function(x, key, rate=rate), state

    return Layer(kind, no_params, apply, {"rate": rate})


def require_key(kind, key):
    """Raise unless a random layer has a key during training."""
    require(key is not None, f"{kind} needs a key during training: apply(..., key=key, train=True)")
