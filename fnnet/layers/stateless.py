"""Layers without parameters."""

from functools import wraps

from fnnet.core import Layer


def stateless(function, *, kind=None, config=None):
    """Build a layer from an array function.

    Parameters
    ----------
    function : callable
        ``x -> y``, both with the batch axis first; `x` is a tuple of arrays if the layer has
        several inputs.
    kind : str, optional
        Name of the layer for parents and ``print``; default: the function's name.
    config : mapping, optional
        Settings shown by ``print``.

    Returns
    -------
    Layer
        Without parameters and state.

    Raises
    ------
    TypeError
        If `function` is not callable.
    """

    def apply(params, state, x, *, key=None, train=False):
        return function(x), state

    if not callable(function):
        raise TypeError(f"stateless takes a function x -> y, not {function!r}")
    name = kind or getattr(function, "__name__", "function").replace("<lambda>", "function")
    layer = Layer(name, no_params, apply, config or {})
    # For help() on a value such as fn.relu, instead of the docstring of Layer.
    object.__setattr__(layer, "__doc__", function.__doc__ or Layer.__doc__)
    return layer


def op_layer(op, **settings):
    """Build the layer ``op(x, **settings)``, which has the op's name and docstring."""

    @wraps(op)
    def function(x):
        return op(x, **settings)

    return stateless(function, config=settings)


def no_params(key, in_shape):
    """Initialise a layer that has neither parameters nor state."""
    return {}, {}
