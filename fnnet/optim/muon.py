"""Muon: updates of matrices by orthogonal matrices."""

import math

import jax
import jax.numpy as jnp

from fnnet.core import at_least_float32
from fnnet.optim.methods import adam, nesterov
from fnnet.optim.optimizer import Optimizer, chain, rate_schedule, require_decay
from fnnet.optim.transforms import partition_by, scale_by_schedule


def muon(learning_rate, *, decay=0.95):
    """Muon: matrices move along their orthogonalised momentum, all other leaves as by `adam`.

    ``v = decay * v + g``; ``update = -rate * 0.2 * sqrt(max(rows, columns)) * U Vᵀ``,
    approximately, where ``U S Vᵀ = g + decay * v`` is the singular value decomposition: five
    Newton-Schulz steps bring singular values above 0.2 % of their norm into 0.68 to 1.21. A kernel
    of more than two axes is a matrix whose columns are the last axis and whose rows are all others.
    `decay` is in [0, 1). The scale gives updates the size of Adam's, so that its learning rates fit
    both.

    Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/; the scale: Liu et al. 2025,
    arXiv:2502.16982, equation 4.
    """
    require_decay("muon: decay", decay)
    rate = rate_schedule("muon: learning_rate", learning_rate)
    along_orthogonal = chain(nesterov(1.0, decay), _orthogonalize(), scale_by_schedule(rate))
    return partition_by(
        {"matrices": along_orthogonal, "others": adam(rate)},
        lambda path, leaf: "matrices" if leaf.ndim > 1 else "others",
    )


def _orthogonalize():
    def update(updates, opt_state, params, step):
        return jax.tree.map(_orthogonal, updates), opt_state

    return Optimizer(lambda params: (), update)


def _orthogonal(leaf):
    """Bring a matrix's singular values near 1, times the scale; zeros stay zeros."""
    matrix = at_least_float32(leaf).reshape(-1, leaf.shape[-1])
    rows, columns = matrix.shape
    # The iteration uses the smaller of the two products of the matrix with its transpose.
    x = matrix.T if rows > columns else matrix
    # The iteration converges for singular values of at most 1, which division by the norm ensures.
    # Before it, divide by the largest element: squares of small gradients would underflow.
    smallest = jnp.finfo(x.dtype).tiny
    x = x / jnp.maximum(jnp.max(jnp.abs(x)), smallest)
    x = x / jnp.maximum(jnp.linalg.norm(x), smallest)
    # By default accelerators multiply float32 matrices in lower precision.
    with jax.default_matmul_precision("highest"):
        x = _newton_schulz(x @ x.T, steps=5) @ x
    x = 0.2 * math.sqrt(max(rows, columns)) * (x.T if rows > columns else x)
    return x.reshape(leaf.shape).astype(leaf.dtype)


def _newton_schulz(square, steps):
    """Compute the matrix by which all Newton-Schulz steps together multiply x.

    A step maps each singular value s to ``3.4445 s - 4.7750 s³ + 2.0315 s⁵``: it multiplies x by a
    polynomial of ``square = x xᵀ``. These commute, so that only matrices of the size of `square`
    are multiplied, and x once at the end; on a CPU this takes less than half the time.
    """
    eye = jnp.eye(square.shape[0], dtype=square.dtype)
    total = eye
    for step in range(steps):
        factor = 3.4445 * eye - 4.7750 * square + 2.0315 * square @ square
        total = factor @ total if step else factor
        if step < steps - 1:
            square = factor @ (square @ factor)
    return total
