"""A model's layers with their shapes and what they cost."""

import math
from collections.abc import Callable
from functools import partial
from numbers import Integral
from typing import NamedTuple

import jax
import jax.numpy as jnp

from fnnet import core, trees


class Row(NamedTuple):
    """One layer of a model: where it is, what comes out, what it costs.

    Shapes have the batch axis in front, since a layer may be applied to the parts of an example;
    several arrays are a tuple of shapes. The numbers are the layer's own, without its children's;
    inside `repeat` they are those of all repetitions. Parameters count where they are met first,
    also those that are frozen. `activation_bytes` is the size of what the layer makes, in float32.
    """

    path: str
    kind: str
    in_shape: tuple
    out_shape: tuple
    parameters: int
    multiply_adds: int
    activation_bytes: int


# By definition, not by how it is computed: each output (each input, for the transposed form) sees
# the whole kernel. A multiply and an add count as one; biases, activations, and transforms that
# are not learnt as none.
_MULTIPLY_ADDS: dict[str, Callable] = {
    "dense": lambda kernel, x, y: math.prod(x[:-1]) * kernel,
    "conv2d": lambda kernel, x, y: math.prod(y[:-1]) * kernel,
    "depthwise_conv2d": lambda kernel, x, y: math.prod(y[:-1]) * kernel,
    "conv_transpose2d": lambda kernel, x, y: math.prod(x[:-1]) * kernel,
    "gdn": lambda gamma, x, y: math.prod(x[:-1]) * gamma,
}
_KERNELS = ("kernel", "gamma_root")


def rows(model, in_shape):
    """List a model's layers for one example of `in_shape`, parents before their children.

    The model itself is among them where it is not just its children one after another. Nothing is
    computed: shapes are traced.
    """
    params, state = jax.eval_shape(lambda key: model.init(key, in_shape), jax.random.key(0))
    found, met = [], set()
    path, times, inside = [], [1], []

    def observe(name, child, child_params, x):
        path.append(name)
        inside.append(0)
        place, here = len(found), "/".join(path[1:]) or name  # the model's own name is in no path
        repetitions = times[-1]
        times.append(repetitions * _repetitions(child))
        found.append(None)

        def finish(y):
            path.pop()
            times.pop()
            size = 0 if here in met else trees.size(child_params)
            # What the children hold is theirs; a frozen child's parameters are not in `params`.
            own = max(size - _repetitions(child) * inside.pop(), 0)
            if inside:
                inside[-1] += size
            found[place] = _row(here, child, child_params, x, y, own, repetitions)
            met.add(here)

        return finish

    x = core.examples(in_shape)
    with core.observed(observe):
        finish = observe(model.kind, model, params, x)
        y, _ = jax.eval_shape(partial(model.apply, train=False), params, state, x)
        finish(y)
    own, *layers = found
    return layers if layers and _hands_on(model) and not own.parameters else found


def _repetitions(layer):
    return layer.config["times"] if layer.kind == "repeat" else 1


def _row(path, layer, params, x, y, own, repetitions):
    in_shape, out_shape = _shapes(x), _shapes(y)
    count = _MULTIPLY_ADDS.get(layer.kind)
    kernel = sum(params[name].size for name in _KERNELS if count and name in params)
    cost = repetitions * count(kernel, in_shape, out_shape) if count else 0
    sizes = [math.prod(shape) for shape in _each(out_shape)]
    memory = 0 if _hands_on(layer) else repetitions * sum(sizes) * jnp.dtype(jnp.float32).itemsize
    return Row(path, layer.kind, in_shape, out_shape, repetitions * own, cost, memory)


def _hands_on(layer):
    """Tell whether a layer gives what its children made, not an array made of that."""
    merges = layer.kind in ("residual", "skip", "branch") and layer.config.get("merge") != "tuple"
    return bool(layer.children) and not merges


def summary(model, in_shape):
    """Describe a model for one example of `in_shape` as a text table.

    Parameters
    ----------
    model : Layer
    in_shape : tuple
        (H, W, C), (features,), or a tuple of such shapes for several inputs.

    Returns
    -------
    str
        One line a layer with its output's shape, parameters, multiply-adds and bytes of
        activations, and a line of totals. The bytes are of every layer's output in float32: an
        upper bound of what training keeps for the gradient, since some are fused away or
        computed anew.
    """
    found = rows(model, in_shape)
    table = [("layer", "kind", "output", "parameters", "multiply-adds", "activation bytes")]
    table += [
        (
            "  " * row.path.count("/") + row.path.rsplit("/", 1)[-1],
            row.kind,
            ", ".join(" x ".join(map(str, shape[1:])) for shape in _each(row.out_shape)),
            *(f"{number:,}" if number else "" for number in row[4:]),
        )
        for row in found
    ]
    totals = [sum(column) for column in list(zip(*found, strict=True))[4:]]
    table.append(("total", "", "", *(f"{total:,}" for total in totals)))
    widths = [max(len(line[column]) for line in table) for column in range(6)]
    return "\n".join(_line(line, widths) for line in table)


def _shapes(x):
    return jax.tree.map(jnp.shape, x)


def _each(shapes):
    """List the shapes of one array or of several."""
    return [shapes] if all(isinstance(size, Integral) for size in shapes) else list(shapes)


def _line(cells, widths):
    left = [cell.ljust(width) for cell, width in zip(cells[:3], widths[:3], strict=True)]
    right = [cell.rjust(width) for cell, width in zip(cells[3:], widths[3:], strict=True)]
    return "  ".join(left + right).rstrip()
