"""Layers made of layers."""

from fnnet import core
from fnnet.core import Layer, require


def serial(*unnamed, **named):
    """Apply layers one after another, the positional ones first.

    Unnamed children are called by kind and count (``conv2d_0``, ``conv2d_1``), the others by
    their keyword. A child's key comes from its name: inserting a layer of another kind changes
    nothing for the others.
    """
    children = core.name_children(unnamed, named)
    init, apply = _chain(children)
    return Layer("serial", init, apply, children=children)


def residual(*unnamed, **named):
    """Add to the input what layers, applied as in `serial`, make of it: ``y = x + f(x)``.

    He et al. 2016, arXiv:1512.03385, equation 1.
    """
    children = core.name_children(unnamed, named)
    init, apply_chain = _chain(children)

    def apply(params, state, x, *, key=None, train=False):
        y, state = apply_chain(params, state, x, key=key, train=train)
        require(y.shape == x.shape, f"residual: {y.shape} cannot be added to the input's {x.shape}")
        return x + y, state

    return Layer("residual", init, apply, children=children)


def _chain(children):
    def init(key, in_shape):
        params, state = {}, {}
        shape = in_shape
        for name, child in children.items():
            child_params, child_state = core.init_child(name, child, key, shape)
            params |= {name: child_params} if child_params else {}
            state |= {name: child_state} if child_state else {}
            shape = core.child_out_shape(name, child, child_params, child_state, shape)
        return params, state

    def apply(params, state, x, *, key=None, train=False):
        new_state = dict(state)
        for name, child in children.items():
            x, child_state = core.apply_child(name, child, params, state, x, key=key, train=train)
            if child_state:
                new_state[name] = child_state
        return x, new_state

    return init, apply
