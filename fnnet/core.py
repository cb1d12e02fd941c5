"""Layers as pairs of pure functions, and the rules by which parents name and call children."""

import zlib
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from numbers import Integral
from typing import Any

import jax
import jax.numpy as jnp
import jaxlib

if jaxlib.__version__ == "0.10.2":
    raise ImportError(
        "jaxlib 0.10.2 computes wrong values on CPUs; install another release: "
        "pip install 'jax>=0.12' on Python 3.12 or newer, pip install 'jax==0.10.1' on 3.11"
    )


class LayerError(ValueError):
    """A shape or setting that a layer cannot work with; the message says where, what and why."""

    def inside(self, name, shape):
        """Return the error located in layer `name`; the innermost layer adds its input's shape."""
        where = f"in layer {name!r}, "
        if not isinstance(self, _LocatedError):
            where += f"input shape {shape}: "
        return _LocatedError(where + str(self))


class _LocatedError(LayerError):
    """A `LayerError` whose message already names a layer."""


_LocatedError.__name__ = LayerError.__name__  # shown by tracebacks


def require(condition, message):
    """Raise `LayerError` with `message` unless `condition` holds."""
    if not condition:
        raise LayerError(message)


def require_floating(x):
    """Raise `LayerError` for integers: kernels cast to an integer dtype would become zeros."""
    dtype = jnp.result_type(x)
    require(
        jnp.issubdtype(dtype, jnp.floating),
        f"expects floating-point values, got {dtype}; grey levels are divided by 255 first",
    )


def require_integer(name, value, least=1):
    """Raise `LayerError` unless `value` is an integer of at least `least`."""
    require(
        _is_integer(value) and value >= least,
        f"{name}={value!r} must be an integer of at least {least}",
    )


def require_integer_pair(name, value, least=1):
    """Raise `LayerError` unless `value` is an integer of at least `least`, or a pair of them."""
    values = value if isinstance(value, tuple | list) and len(value) == 2 else (value,)
    require(
        all(_is_integer(item) and item >= least for item in values),
        f"{name}={value!r} must be an integer of at least {least}, or two of them",
    )


def _is_integer(value):
    return isinstance(value, Integral) and not isinstance(value, bool)


def at_least_float32(x):
    """Convert a floating-point array to float32 unless it is wider, as for statistics."""
    require_floating(x)
    return x.astype(jnp.float32) if jnp.finfo(x.dtype).bits < 32 else x


@dataclass(frozen=True, eq=False)
class Layer:
    """A layer or a whole model: a value that holds pure functions.

    Parameters
    ----------
    kind : str
        Name of the layer in a parent that is given no other: ``conv2d`` becomes ``conv2d_0``,
        ``conv2d_1``, ...
    init : callable
        ``(key, in_shape) -> (params, state)``; `in_shape` is one example's shape, without the
        batch axis. Both results are nested dicts of float32 arrays, or ``{}``.
    apply : callable
        ``(params, state, x, *, key=None, train=False) -> (y, state)``; the first axis of `x` is the
        batch. With ``train=False`` no key is needed and the state is returned unchanged.
    config : mapping
        The constructor's arguments, for ``print``, summaries and records.
    children : mapping of str to Layer
        The layers inside, by name.
    """

    kind: str
    init: Callable
    apply: Callable
    config: Mapping[str, Any] = field(default_factory=dict)
    children: Mapping[str, "Layer"] = field(default_factory=dict)

    def __str__(self):
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.config.items())
        lines = [f"{self.kind}({arguments})"]
        for name, child in self.children.items():
            first, *rest = str(child).split("\n")
            lines += [f"  {name}: {first}", *(f"  {line}" for line in rest)]
        return "\n".join(lines)

    __repr__ = __str__


def name_children(unnamed, named):
    """Name children: positional ones by kind and count, the others by their keyword.

    Returns the children by name, and the names in the order of use, in which a `shared` layer may
    occur several times.

    Raises
    ------
    TypeError
        If a child is not a `Layer`.
    LayerError
        If a keyword equals the name of a positional child, or a shared layer would have two names
        or two parents.
    """
    counts, children, order = {}, {}, []
    for child in unnamed:
        require_layer(child)
        name = _name_of(child, children) if child.kind == "shared" else None
        if name is None:
            count = counts.get(child.kind, 0)
            counts[child.kind] = count + 1
            name = f"{child.kind}_{count}"
            children[name] = child
        order.append(name)
    for name, child in named.items():
        require_layer(child)
        require(name not in children, f"the name {name!r} is taken by an unnamed child")
        children[name] = child
        order.append(name)
    _require_one_parent(children)
    return children, tuple(order)


def _name_of(child, children):
    return next((name for name, other in children.items() if other is child), None)


def _require_one_parent(children):
    """Raise if a shared layer is used under two children: it would become two layers."""
    parents = {}
    for name, child in children.items():
        for layer in set(_shared_layers(child)):
            require(
                layer not in parents,
                f"a shared layer stands under {parents.get(layer)!r} and under {name!r}; its uses "
                "must be unnamed children of one parent",
            )
            parents[layer] = name


def _shared_layers(layer):
    if layer.kind == "shared":
        yield layer
    for child in layer.children.values():
        yield from _shared_layers(child)


def require_layer(child):
    """Raise `TypeError` unless `child` is a `Layer`."""
    if not isinstance(child, Layer):
        hint = "; call its constructor, or build a layer from a function by fn.stateless"
        hint = hint if callable(child) else ""
        raise TypeError(f"a child must be a Layer, not {child!r}{hint}")


def child_key(key, name):
    """Derive a child's key from its name, so that its position among siblings does not matter."""
    return jax.random.fold_in(key, zlib.crc32(name.encode()))


def init_child(name, child, key, in_shape):
    """Initialise a child: ``(params, state)``; a `LayerError` names the child."""
    with _located(name, in_shape):
        return child.init(child_key(key, name), in_shape)


def apply_child(name, child, params, state, x, *, key, train, use=0):
    """Apply a child with its part of the parent's `params`, `state` and `key`.

    A child without parameters or state has no entry in the parent's dicts. `use` is the number of
    earlier uses of a shared child; each use draws from a key of its own.
    """
    with _located(name, _shape(x)), jax.named_scope(name):
        finish = _observer.get()(name, child, params.get(name, {}), x)
        label = f"{name}.{use}" if use else name
        child_random = child_key(key, label) if train and key is not None else None
        parts = params.get(name, {}), state.get(name, {})
        try:
            y, new_state = child.apply(*parts, x, key=child_random, train=train)
        except KeyError as error:
            raise LayerError(
                f"params or state have no {error} here; were both made by this model's init?"
            ) from error
        finish(y)
    return y, new_state


def child_out_shape(name, child, params, state, in_shape):
    """Return a child's output shape as `out_shape` does; a `LayerError` names the child."""
    with _located(name, in_shape):
        return out_shape(child, params, state, in_shape)


@contextmanager
def _located(name, shape):
    try:
        yield
    except LayerError as error:
        raise error.inside(name, shape) from None


def _shape(x):
    return jax.tree.map(jnp.shape, x)


_observer = ContextVar("observer", default=lambda name, child, params, x: lambda y: None)


@contextmanager
def observed(observe):
    """Call ``observe(name, child, params, x)`` for every child applied inside the ``with``.

    `observe` returns a function that is called with the child's output. `fnnet.summary` reads a
    model's inner shapes this way.
    """
    token = _observer.set(observe)
    try:
        yield
    finally:
        _observer.reset(token)


def examples(in_shape, dtype=jnp.float32, batch=1):
    """Return the shape and dtype of a batch of inputs from one example's shape, or several's."""
    if all(isinstance(size, Integral) for size in in_shape):
        return jax.ShapeDtypeStruct((batch, *in_shape), dtype)
    return tuple(examples(shape, dtype, batch) for shape in in_shape)


def out_shape(layer, params, state, in_shape):
    """Return the shape of one output example, without the batch axis; nothing is computed."""
    leaves = jax.tree.leaves(params)
    x = examples(in_shape, leaves[0].dtype if leaves else jnp.float32)
    y, _ = jax.eval_shape(partial(layer.apply, train=False), params, state, x)
    return jax.tree.map(lambda array: array.shape[1:], y)
