"""The affine map of the last axis."""

from fnnet.core import require, require_floating
from fnnet.ops.channels import add_bias


def dense(x, kernel, bias=None):
    """Compute ``x @ kernel + bias``: (..., C) x (C, O) -> (..., O).

    A `LayerError` where `x` has not C channels or holds whole numbers.
    """
    require_floating(x)
    require(
        x.shape[-1] == kernel.shape[0],
        f"the kernel expects {kernel.shape[0]} features, the last axis has {x.shape[-1]}",
    )
    return add_bias(x @ kernel, bias)
