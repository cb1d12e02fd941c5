"""Layers without parameters, and what the constructors of layers share."""

from numbers import Integral

from fnnet.core import Layer, require


def stateless(function, *, kind=None, config=None):
    """Make a layer of an array function.

    Parameters
    ----------
    function : callable
        ``x -> y``, both with the batch axis in front; `x` is a tuple of arrays where the layer has
        several inputs.
    kind : str, optional
        What parents and ``print`` call it; default: the function's name.
    config : mapping, optional
        Settings for ``print`` to show.

    Returns
    -------
    Layer
        Without parameters and state.
    """

    def apply(params, state, x, *, key=None, train=False):
        return function(x), state

    name = kind or getattr(function, "__name__", "function").replace("<lambda>", "function")
    return Layer(name, no_params, apply, config or {})


def no_params(key, in_shape):
    """Initialise a layer that has neither parameters nor state."""
    return {}, {}


def require_positive(kind, **settings):
    """Refuse settings of a layer that are not whole numbers (or two) of at least 1."""
    for name, value in settings.items():
        values = value if isinstance(value, tuple | list) else (value,)
        whole = all(isinstance(v, Integral) for v in values)
        require(whole, f"{kind}: {name}={value!r} must be a whole number or two")
        require(all(v >= 1 for v in values), f"{kind}: {name}={value} must be at least 1")
        require(
            len(values) <= 2 or name == "shape", f"{kind}: {name}={value} has more than two axes"
        )
