"""Layers built from layers.

Positional children are named by kind and count (``conv2d_0``, ``conv2d_1``), the others by their
keyword. A child's key is derived from its name: inserting a layer of another kind changes nothing
for the others.
"""

import jax
import jax.numpy as jnp

from fnnet import core, trees
from fnnet.core import Layer, require


def serial(*unnamed, **named):
    """Apply layers one after another, the positional ones first: ``y = f_n(... f_1(x))``.

    Parameters
    ----------
    *unnamed, **named : Layer
        The children. Each must accept the output of the previous one.

    Returns
    -------
    Layer
        Input of the first child -> output of the last; params and state are the children's by name.

    Raises
    ------
    TypeError
        If a child is not a `Layer`.
    LayerError
        If two children have the same name.
    """
    return _chained("serial", unnamed, named, lambda x, y: y)


def residual(*unnamed, **named):
    """Add the output of a chain of layers to their input: ``y = x + f(x)``, `f` as in `serial`.

    (N, ..., C) -> (N, ..., C); raises `LayerError` if the shapes of ``x`` and ``f(x)`` differ.
    He et al. 2016, arXiv:1512.03385, equation 1.
    """

    def add(x, y):
        require(y.shape == x.shape, f"residual: {y.shape} cannot be added to the input's {x.shape}")
        return x + y

    return _chained("residual", unnamed, named, add)


def skip(*unnamed, **named):
    """Concatenate the input with the output of a chain of layers along the channel axis.

    (N, ..., C) -> (N, ..., C + C'), the input first; raises `LayerError` if the output's axes
    before the last have other sizes. Nested, it is a U-Net. Ronneberger, Fischer, Brox 2015,
    arXiv:1505.04597, section 2.
    """
    return _chained("skip", unnamed, named, lambda x, y: _concatenate("skip", [x, y]))


def branch(*unnamed, merge="sum", **named):
    """Apply layers to the same input and merge their outputs.

    Parameters
    ----------
    *unnamed, **named : Layer
        The children, at least one.
    merge : "sum", "concatenate" or "tuple"
        Add the outputs (equal shapes), concatenate their channels (equal sizes before the last
        axis), or return them as a tuple, for a layer with several inputs.

    Returns
    -------
    Layer
        (N, ...) -> the sum, (N, ..., sum of channels), or a tuple; params and state are the
        children's by name.

    Raises
    ------
    LayerError
        If there is no child, `merge` is another value, or the outputs' shapes do not fit.

    References
    ----------
    Szegedy et al. 2015, arXiv:1409.4842, section 4, for the concatenating form.
    """
    require(
        merge in ("sum", "concatenate", "tuple"),
        f"branch: merge={merge!r} must be 'sum', 'concatenate' or 'tuple'",
    )
    children, order = core.name_children(unnamed, named)
    require(children, "branch needs at least one layer")

    def init(key, in_shape):
        parts = {n: core.init_child(n, child, key, in_shape) for n, child in children.items()}
        return tuple({n: part[i] for n, part in parts.items() if part[i]} for i in (0, 1))

    def apply(params, state, x, *, key=None, train=False):
        outputs = []
        for name, use in _uses(order):
            y, state = _apply(name, use, children, params, state, x, key, train)
            outputs.append(y)
        return _merge(outputs, merge), state

    return Layer("branch", init, apply, {"merge": merge} | _repeated(order), children)


def repeat(layer, times):
    """Apply a layer `times` times in a row, each time with its own parameters, by ``lax.scan``.

    (N, ...) -> (N, ...) of the same shape. The leaves of params and state have an additional first
    axis of size `times`. The layer is traced once, whatever `times`; nor does compile time grow
    with it, except on CPUs, where the loop is unrolled for speed.

    Raises
    ------
    LayerError
        If `times` is below 1 or the layer changes its input's shape.
    """
    core.require_integer("repeat: times", times)
    name, children = _only(layer)

    def init(key, in_shape):
        def start(key):
            return core.init_child(name, layer, key, in_shape)

        params, state = jax.vmap(start)(_keys(key, times))
        return {name: params} if params else {}, {name: state} if state else {}

    def apply(params, state, x, *, key=None, train=False):
        def body(x, parts):
            params, state, key = parts
            y, state = core.apply_child(name, layer, params, state, x, key=key, train=train)
            require(y.shape == x.shape, f"repeat: the layer turns shape {x.shape} into {y.shape}")
            return y, {name: state} if state else {}

        for leaf in jax.tree.leaves((params, state)):
            require(
                leaf.shape[0] == times,
                f"repeat: times={times}, but the params or state are those of {leaf.shape[0]}",
            )
        keys = _keys(key, times) if train and key is not None else None
        # On CPUs XLA computes the gradients of convolutions 20 times more slowly inside a loop
        # (four residual blocks of 64x64x16: 0.94 s in the loop, 0.04 s unrolled).
        unroll = times if jax.default_backend() == "cpu" else 1
        return jax.lax.scan(body, x, (params, state, keys), length=times, unroll=unroll)

    return Layer("repeat", init, apply, {"times": times}, children)


def remat(layer):
    """Apply a layer, and recompute its intermediate values in the backward pass.

    (N, ...) -> output of `layer`. Values and gradients are unchanged; intermediate values are not
    stored for the gradient, which trades time for memory. Chen et al. 2016, arXiv:1604.06174.
    """
    name, children = _only(layer)
    init, apply_chain = _chain(children, (name,))

    def apply(params, state, x, *, key=None, train=False):
        @jax.checkpoint
        def run(params, state, x, key):
            return apply_chain(params, state, x, key=key, train=train)

        return run(params, state, x, key)

    return Layer("remat", init, apply, children=children)


def frozen(layer, params=None, state=None):
    """Freeze a layer: exclude its parameters from training and always run it in inference mode.

    Its parameters are part of the state, where no gradient, optimiser or weight decay reaches
    them; its statistics stay, its dropout is off. Gradients pass through to its input.

    Parameters
    ----------
    layer : Layer
    params, state : optional
        The layer's trained ones; without `params`, ``init`` draws them.

    Returns
    -------
    Layer
        Input of `layer` -> its output; no params; the state holds `params` and `state` under the
        layer's name.

    Raises
    ------
    LayerError
        If `state` comes without `params`; in ``init``, if they are not of `layer`'s shapes.
    """
    require(state is None or params is not None, "frozen: state is given without params")
    name, children = _only(layer)

    def init(key, in_shape):
        drawn = core.init_child(name, layer, key, in_shape)
        trained = drawn if params is None else (params, state or {})
        for part, given, expected in zip(("params", "state"), trained, drawn, strict=True):
            require(
                _shapes(given) == _shapes(expected),
                f"frozen: {part} {_shapes(given)} are not {layer.kind}'s, {_shapes(expected)}",
            )
        # Copies, since a training step is donated its state's buffers, and the given ones stay.
        copies = jax.tree.map(jnp.copy, dict(zip(("params", "state"), trained, strict=True)))
        return {}, {name: copies}

    def apply(params, state, x, *, key=None, train=False):
        fixed = jax.lax.stop_gradient(state[name])
        parts = {name: fixed["params"]}, {name: fixed["state"]}
        y, _ = core.apply_child(name, layer, *parts, x, key=None, train=False)
        return y, state

    return Layer("frozen", init, apply, children=children)


def shared(layer):
    """Allow a layer to be used several times under one parent, with the same parameters.

    (N, ...) -> output of `layer`. All uses among the positional children of one `serial`,
    `residual`, `skip` or `branch` are the same child; other uses raise `LayerError`. State passes
    through the uses in their order; each use of a random layer draws anew.

    >>> import fnnet as fn
    >>> block = fn.shared(fn.conv2d(8, 3))
    >>> model = fn.serial(fn.conv2d(8, 3), block, fn.relu, block)
    """
    name, children = _only(layer)
    init, apply = _chain(children, (name,))
    return Layer("shared", init, apply, children=children)


def in_precision(layer, compute="bfloat16"):
    """Run a layer in mixed precision: cast its inputs to `compute` and its outputs to float32.

    (N, ...) -> output of `layer`, in float32. Parameters, their gradients, running statistics and
    the loss stay float32: every layer casts its parameters to its input's dtype and computes its
    statistics in float32, so that nothing else has to change.

    Parameters
    ----------
    layer : Layer
        A layer or a whole model.
    compute : "bfloat16" or "float32"
        bfloat16 has float32's range with 8 bits of precision, so that losses need no scaling.

    Returns
    -------
    Layer
        With `layer`'s kind, children, params and state, and `compute` in its config.

    Raises
    ------
    TypeError
        If `layer` is no `Layer`.
    LayerError
        If `compute` is another dtype.

    References
    ----------
    Micikevicius et al. 2018, arXiv:1710.03740, section 3.1.

    Examples
    --------
    >>> import fnnet as fn
    >>> model = fn.in_precision(fn.serial(fn.conv2d(8, 3), fn.relu), "bfloat16")
    """
    require(
        compute in ("bfloat16", "float32"),
        f"in_precision: compute={compute!r} must be 'bfloat16' or 'float32'",
    )
    core.require_layer(layer)

    def apply(params, state, x, *, key=None, train=False):
        y, state = layer.apply(params, state, _cast(x, compute), key=key, train=train)
        return _cast(y, jnp.float32), state

    config = dict(layer.config) | {"compute": compute}
    return Layer(layer.kind, layer.init, apply, config, layer.children)


def _cast(arrays, dtype):
    return jax.tree.map(lambda array: array.astype(dtype), arrays)


def _chained(kind, unnamed, named, combine):
    """Build a layer that applies children in a row and returns ``combine(input, output)``."""
    children, order = core.name_children(unnamed, named)
    init, apply_chain = _chain(children, order)

    def apply(params, state, x, *, key=None, train=False):
        y, state = apply_chain(params, state, x, key=key, train=train)
        return combine(x, y), state

    return Layer(kind, init, apply, _repeated(order), children)


def _chain(children, order):
    def init(key, in_shape):
        params, state, shape = {}, {}, in_shape
        for name, use in _uses(order):
            child = children[name]
            if use == 0:
                child_params, child_state = core.init_child(name, child, key, shape)
                params |= {name: child_params} if child_params else {}
                state |= {name: child_state} if child_state else {}
            parts = params.get(name, {}), state.get(name, {})
            shape = core.child_out_shape(name, child, *parts, shape)
        return params, state

    def apply(params, state, x, *, key=None, train=False):
        for name, use in _uses(order):
            x, state = _apply(name, use, children, params, state, x, key, train)
        return x, state

    return init, apply


def _apply(name, use, children, params, state, x, key, train):
    """Apply one child; return its output, and the parent's state with the child's new one."""
    y, new = core.apply_child(name, children[name], params, state, x, key=key, train=train, use=use)
    return y, state | {name: new} if new else state


def _uses(order):
    """Pair each name with the number of its earlier uses."""
    return [(name, order[:index].count(name)) for index, name in enumerate(order)]


def _repeated(order):
    """Return a config with the order of use if a child is used more than once."""
    return {"order": order} if len(set(order)) < len(order) else {}


def _merge(outputs, merge):
    if merge == "tuple":
        return tuple(outputs)
    if merge == "concatenate":
        return _concatenate("branch", outputs)
    shapes = [y.shape for y in outputs]
    require(len(set(shapes)) == 1, f"branch: the shapes {shapes} cannot be added")
    return sum(outputs[1:], start=outputs[0])


def _concatenate(kind, arrays):
    shapes = [array.shape for array in arrays]
    require(
        len({shape[:-1] for shape in shapes}) == 1,
        f"{kind}: the shapes {shapes} differ before the last axis",
    )
    return jnp.concatenate(arrays, -1)


def _only(layer):
    """Return the name of an only child, and the children."""
    children, (name,) = core.name_children((layer,), {})
    return name, children


def _keys(key, times):
    return jax.vmap(jax.random.fold_in, (None, 0))(key, jnp.arange(times))


def _shapes(tree):
    return {
        path: f"{jnp.result_type(leaf)}{list(jnp.shape(leaf))}"
        for path, leaf in trees.flatten(tree).items()
    }
