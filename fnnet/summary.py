"""A model's layers with their shapes and what they cost."""

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from fnnet import core, trees


class Row(NamedTuple):
    """One layer of a model: where it is, what comes out, what it costs.

    Shapes have the batch axis in front, since a layer may be applied to the parts of an example.
    `parameters` and `multiply_adds` are the layer's own: 0 for one that has children.
    """

    path: str
    kind: str
    in_shape: tuple
    out_shape: tuple
    parameters: int
    multiply_adds: int


# By definition, not by how it is computed: each output (each input, for the transposed form) sees
# the whole kernel. A multiply and an add count as one; biases and activations as none.
_MULTIPLY_ADDS: dict[str, Callable] = {
    "dense": lambda kernel, x, y: math.prod(x[:-1]) * kernel,
    "conv2d": lambda kernel, x, y: math.prod(y[:-1]) * kernel,
    "conv_transpose2d": lambda kernel, x, y: math.prod(x[:-1]) * kernel,
}


def rows(model, in_shape):
    """List a model's layers for one example of `in_shape`, parents before their children.

    Nothing is computed: shapes are traced.
    """
    params, state = jax.eval_shape(partial(model.init, in_shape=in_shape), jax.random.key(0))
    found, path = [], []

    def observe(name, child, child_params, x):
        path.append(name)
        place = len(found)
        found.append(None)

        def finish(y):
            found[place] = _row("/".join(path), child, child_params, jnp.shape(x), jnp.shape(y))
            path.pop()

        return finish

    with core.observed(observe):
        jax.eval_shape(partial(model.apply, train=False), params, state, core.examples(in_shape))
    return found


def _row(path, layer, params, in_shape, out_shape):
    count = _MULTIPLY_ADDS.get(layer.kind)
    cost = count(params["kernel"].size, in_shape, out_shape) if count else 0
    parameters = 0 if layer.children else trees.size(params)
    return Row(path, layer.kind, in_shape, out_shape, parameters, cost)


def summary(model, in_shape):
    """Describe a model for one example of `in_shape`, (H, W, C) or (features,), as a text table.

    One line a layer with its output's shape, parameters and multiply-adds, and a line of totals.
    """
    found = rows(model, in_shape)
    table = [("layer", "kind", "output", "parameters", "multiply-adds")]
    table += [
        (
            "  " * row.path.count("/") + row.path.rsplit("/", 1)[-1],
            row.kind,
            " x ".join(map(str, row.out_shape[1:])),
            f"{row.parameters:,}" if row.parameters else "",
            f"{row.multiply_adds:,}" if row.multiply_adds else "",
        )
        for row in found
    ]
    totals = (sum(row.parameters for row in found), sum(row.multiply_adds for row in found))
    table.append(("total", "", "", *(f"{total:,}" for total in totals)))
    widths = [max(len(line[column]) for line in table) for column in range(5)]
    return "\n".join(_line(line, widths) for line in table)


def _line(cells, widths):
    left = [cell.ljust(width) for cell, width in zip(cells[:3], widths[:3], strict=True)]
    right = [cell.rjust(width) for cell, width in zip(cells[3:], widths[3:], strict=True)]
    return "  ".join(left + right).rstrip()
