"""Tables of a model's layers: shapes, parameters and costs."""

import math
from collections.abc import Callable
from functools import partial
from numbers import Integral
from typing import NamedTuple

import jax
import jax.numpy as jnp

from fnnet import core, trees


class Row(NamedTuple):
    """One layer of a model: its path, shapes and costs.

    Shapes include the batch axis, since a layer may be applied to parts of an example; several
    arrays are a tuple of shapes. The numbers exclude those of the layer's children; inside `repeat`
    they are summed over the repetitions. Shared parameters count at their first use; frozen ones
    count too. `activation_bytes` is the size of the layer's output in float32.
    """

    path: str
    kind: str
    in_shape: tuple
    out_shape: tuple
    parameters: int
    multiply_adds: int
    activation_bytes: int


# By definition, however it is computed: each output (each input, for the transposed form) sees the
# whole kernel. A multiplication and an addition count as one; biases, activations, and transforms
# without parameters count as none.
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

    The model itself is listed unless it only applies its children in a row. Nothing is computed:
    shapes are traced.
    """
    params, state = jax.eval_shape(lambda key: model.init(key, in_shape), jax.random.key(0))
    table, seen = [], set()
    path, times, inside = [], [1], []

    def observe(name, child, child_params, x):
        path.append(name)
        inside.append(0)
        index, here = len(table), "/".join(path[1:]) or name  # paths omit the model's name
        repetitions = times[-1]
        times.append(repetitions * _repetitions(child))
        table.append(None)

        def finish(y):
            path.pop()
            times.pop()
            size = 0 if here in seen else trees.size(child_params)
            # Not the children's; a frozen child's parameters are not in `params`.
            parameters = max(size - _repetitions(child) * inside.pop(), 0)
            if inside:
                inside[-1] += size
            table[index] = _row(here, child, child_params, x, y, parameters, repetitions)
            seen.add(here)

        return finish

    x = core.examples(in_shape)
    with core.observed(observe):
        finish = observe(model.kind, model, params, x)
        y, _ = jax.eval_shape(partial(model.apply, train=False), params, state, x)
        finish(y)
    whole, *layers = table
    return layers if layers and _passes_on(model) and not whole.parameters else table


def _repetitions(layer):
    return layer.config["times"] if layer.kind == "repeat" else 1


def _row(path, layer, params, x, y, parameters, repetitions):
    in_shape, out_shape = _shapes(x), _shapes(y)
    count = _MULTIPLY_ADDS.get(layer.kind)
    kernel = sum(params[name].size for name in _KERNELS if count and name in params)
    cost = repetitions * count(kernel, in_shape, out_shape) if count else 0
    sizes = [math.prod(shape) for shape in _each(out_shape)]
    memory = 0 if _passes_on(layer) else repetitions * sum(sizes) * jnp.dtype(jnp.float32).itemsize
    return Row(path, layer.kind, in_shape, out_shape, repetitions * parameters, cost, memory)


def _passes_on(layer):
    """Return whether a layer's output is its children's output, not a new array."""
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
        One line per layer with its output's shape, parameters, multiply-adds and bytes of
        activations, and a line of totals. The bytes are those of every layer's output in float32:
        an upper bound of the memory that training needs for the gradient, since some outputs are
        fused away or recomputed.
    """
    layers = rows(model, in_shape)
    table = [("layer", "kind", "output", "parameters", "multiply-adds", "activation bytes")]
    table += [
        (
            "  " * row.path.count("/") + row.path.rsplit("/", 1)[-1],
            row.kind,
            ", ".join(" x ".join(map(str, shape[1:])) for shape in _each(row.out_shape)),
            *(f"{number:,}" if number else "" for number in row[4:]),
        )
        for row in layers
    ]
    totals = [sum(column) for column in list(zip(*layers, strict=True))[4:]]
    table.append(("total", "", "", *(f"{total:,}" for total in totals)))
    widths = [max(len(line[column]) for line in table) for column in range(6)]
    return "\n".join(_line(line, widths) for line in table)


def _shapes(x):
    return jax.tree.map(jnp.shape, x)


def _each(shapes):
    """List the shapes of one array or several."""
    return [shapes] if all(isinstance(size, Integral) for size in shapes) else list(shapes)


def _line(cells, widths):
    left = [cell.ljust(width) for cell, width in zip(cells[:3], widths[:3], strict=True)]
    right = [cell.rjust(width) for cell, width in zip(cells[3:], widths[3:], strict=True)]
    return "  ".join(left + right).rstrip()
