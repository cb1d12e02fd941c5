"""Losses: one value per example, (N,), computed in float32 or wider whatever the input's dtype.

Most take ``(prediction, target)``, floating-point arrays of equal shape (N, ...), and average over
an example's values, so that a loss does not depend on the image's size.
"""

import jax.numpy as jnp
import numpy as np
from jax import lax

from fnnet.core import at_least_float32, require
from fnnet.ops import ssim as ssim_ops
from fnnet.ops.checks import require_images

__all__ = [
    "binary_cross_entropy",
    "charbonnier",
    "huber",
    "mae",
    "ms_ssim",
    "mse",
    "softmax_cross_entropy",
    "ssim",
    "total_variation",
]


def mse(prediction, target):
    """Compute the mean squared error of each example: (N, ...) -> (N,)."""
    return _mean(jnp.square(_difference(prediction, target)))


def mae(prediction, target):
    """Compute the mean absolute error of each example: (N, ...) -> (N,)."""
    return _mean(jnp.abs(_difference(prediction, target)))


def charbonnier(prediction, target, *, epsilon=1e-3):
    """Compute the mean of ``sqrt(difference² + epsilon²)``, a smooth L1 loss: (N, ...) -> (N,).

    Charbonnier et al. 1994; `epsilon`, above 0, as in Lai et al. 2017, arXiv:1704.03915.
    """
    require(epsilon > 0, f"charbonnier: epsilon={epsilon} must be above 0")
    return _mean(jnp.sqrt(jnp.square(_difference(prediction, target)) + epsilon**2))


def huber(prediction, target, *, delta=1.0):
    """Compute the mean Huber loss: (N, ...) -> (N,).

    For a difference d it is ``d² / 2`` up to `delta` and ``delta (|d| - delta / 2)`` beyond.
    Huber 1964, doi:10.1214/aoms/1177703732, with `delta`, above 0, for his k.
    """
    require(delta > 0, f"huber: delta={delta} must be above 0")
    difference = _difference(prediction, target)
    # With the clipped difference both branches are one product, so that no square overflows.
    near = jnp.clip(difference, -delta, delta)
    return _mean(near * (difference - near / 2))


def binary_cross_entropy(logits, target):
    """Compute the mean binary cross-entropy in nats: (N, ...) -> (N,).

    ``-t log p - (1 - t) log(1 - p)`` with ``p = sigmoid(logits)``. `target` holds probabilities in
    0..1, such as pixels of images. Computed from the logits, so that neither logarithm is of 0.
    """
    logits, target = _equal_shapes(logits, target)
    right, wrong = jnp.logaddexp(-logits, 0.0), jnp.logaddexp(logits, 0.0)
    return _mean(target * right + (1 - target) * wrong)


def softmax_cross_entropy(logits, target):
    """Compute the mean cross-entropy over K classes in nats: (N, ..., K) -> (N,).

    ``-sum_k t_k log p_k`` with ``p = softmax(logits)``.

    Parameters
    ----------
    logits : array (N, ..., K)
        -inf for an impossible class, whose target probability may be 0.
    target : array
        Integer labels (N, ...) in 0..K-1, or probabilities (N, ..., K). For a label outside the
        loss is NaN.

    Raises
    ------
    LayerError
        If `target` is neither.
    """
    logits, target = at_least_float32(jnp.asarray(logits)), jnp.asarray(target)
    has_labels = jnp.issubdtype(target.dtype, jnp.integer)
    require(
        logits.ndim >= 2 and target.shape == (logits.shape[:-1] if has_labels else logits.shape),
        f"logits {logits.shape} are (N, ..., K) and need integer labels (N, ...) or "
        f"probabilities (N, ..., K), got {target.dtype} of shape {target.shape}",
    )
    if has_labels:
        labels = target.astype(jnp.int32)[..., None]
        labels = jnp.where(labels < 0, logits.shape[-1], labels)  # -1 would be the last class
        return -_mean(jnp.take_along_axis(_log_softmax(logits), labels, -1))
    logits, target = _equal_shapes(logits, target)
    log = _log_softmax(logits)
    # 0 log 0 is 0. Masking the product instead would leave its gradient NaN.
    log = jnp.where((target == 0) & jnp.isneginf(log), 0, log)
    return -_mean((target * log).sum(-1))


def ssim(prediction, target, *, peak=1.0):
    """Compute ``1 - SSIM``, the metric of this name: (N, H, W, C) -> (N,), 0 for equal images.

    `peak` is the value of white. Images have at least 11x11 pixels. Zhao, Gallo, Frosio, Kautz
    2017, arXiv:1511.08861, section III-B.
    """
    prediction, target = _equal_images(prediction, target)
    ssim_ops.require_size("ssim", prediction, len(ssim_ops.GAUSSIAN_11.weights))
    return 1 - _channel_means(prediction, target, peak)[0].mean(1)


def ms_ssim(prediction, target, *, peak=1.0):
    """Compute ``1 - MS-SSIM``, the metric of this name: (N, H, W, C) -> (N,), 0 if equal.

    `peak` is the value of white. Images have at least 161x161 pixels. A channel whose mean is 0
    or below at some scale has no gradient. Zhao, Gallo, Frosio, Kautz 2017, arXiv:1511.08861,
    section III-C.
    """
    prediction, target = _equal_images(prediction, target)
    ssim_ops.require_size("ms_ssim", prediction, ssim_ops.MS_SSIM_LEAST)
    return 1 - ssim_ops.ms_ssim(prediction, target, lambda x, y: _channel_means(x, y, peak))


def total_variation(x):
    """Compute the total variation divided by ``H W C``: (N, H, W, C) -> (N,).

    ``sum_{i,j,c} |x[i+1,j,c] - x[i,j,c]| + |x[i,j+1,c] - x[i,j,c]|``, over pairs inside the
    image: the anisotropic form (Esedoglu, Osher 2004, doi:10.1002/cpa.20045) of the total
    variation of Rudin, Osher, Fatemi 1992, doi:10.1016/0167-2789(92)90242-F. Raises `LayerError`
    unless `x` has four axes.
    """
    x = jnp.asarray(x)
    require_images(x)
    x = at_least_float32(x)
    sums = [jnp.abs(jnp.diff(x, axis=axis)).sum((1, 2, 3)) for axis in (1, 2)]
    return (sums[0] + sums[1]) / x[0].size


def _equal_shapes(prediction, target):
    """Convert both to one dtype, float32 or wider; raise if their shapes differ."""
    prediction, target = jnp.asarray(prediction), jnp.asarray(target)
    require(
        prediction.shape == target.shape,
        f"the prediction's shape {prediction.shape} must be the target's {target.shape}",
    )
    prediction, target = at_least_float32(prediction), at_least_float32(target)
    dtype = np.promote_types(prediction.dtype, target.dtype)
    return prediction.astype(dtype), target.astype(dtype)


def _equal_images(prediction, target):
    prediction, target = _equal_shapes(prediction, target)
    require_images(prediction)
    return prediction, target


def _difference(prediction, target):
    prediction, target = _equal_shapes(prediction, target)
    return prediction - target


def _log_softmax(logits):
    # Subtracting the largest changes nothing, and no exponential overflows.
    logits = logits - lax.stop_gradient(logits.max(-1, keepdims=True))
    return logits - jnp.log(jnp.exp(logits).sum(-1, keepdims=True))


def _channel_means(x, y, peak):
    """Average SSIM and its contrast term over each channel: (N, C) twice."""
    maps = ssim_ops.similarity_maps(x, y, ssim_ops.GAUSSIAN_11, peak=peak)
    # Axis by axis: one float32 sum over a whole map of values near 1 would lose a digit.
    return [values.mean(2).mean(1) for values in maps]


def _mean(values):
    return values.mean(tuple(range(1, values.ndim)))
