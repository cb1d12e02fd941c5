"""Normalisation layers: parameters and running statistics."""

import math

import jax.numpy as jnp

from fnnet import ops
from fnnet.core import Layer, require, require_integer
from fnnet.ops.channels import require_channels
from fnnet.ops.norm import batch_norm_by_batch

_LEAST_BETA = 1e-6


def batch_norm(*, momentum=0.9, epsilon=1e-5):
    """Normalise each channel by the batch's mean and variance, then scale and shift it.

    During training the moments are the batch's, over all axes but the last; the state stores
    running averages of them, with the unbiased variance. With ``train=False`` these are used, so
    that an image's result does not depend on its neighbours in the batch.

    Parameters
    ----------
    momentum : float
        Weight of the old value in the running averages, in [0, 1).
    epsilon : float
        Added to the variance, above 0.

    Returns
    -------
    Layer
        ``(N, ..., C) -> (N, ..., C)``; params `scale`, `offset`, state `mean`, `variance`, all
        (C,) and float32.

    Raises
    ------
    LayerError
        If `momentum` or `epsilon` is out of range; in training, if a channel has only one value.

    References
    ----------
    Ioffe, Szegedy 2015, arXiv:1502.03167, algorithms 1 and 2.
    """
    require(0 <= momentum < 1, f"batch_norm: momentum={momentum} must be in [0, 1)")
    require(epsilon > 0, f"batch_norm: epsilon={epsilon} must be above 0")

    def init(key, in_shape):
        params, _ = _scale_and_offset(key, in_shape)
        return params, {"mean": params["offset"].copy(), "variance": params["scale"].copy()}

    def apply(params, state, x, *, key=None, train=False):
        scale, offset = params["scale"], params["offset"]
        if not train:
            moments = state["mean"], state["variance"]
            return ops.batch_norm(x, *moments, scale, offset, epsilon=epsilon), state
        require_channels(x, scale=scale, offset=offset)
        count = math.prod(x.shape[:-1])
        require(count > 1, "batch_norm needs more than one value per channel to train on")
        y, mean, variance = batch_norm_by_batch(x, scale, offset, epsilon)
        unbiased = variance * (count / (count - 1))
        return y, {
            "mean": _running(state["mean"], mean, momentum),
            "variance": _running(state["variance"], unbiased, momentum),
        }

    return Layer("batch_norm", init, apply, {"momentum": momentum, "epsilon": epsilon})


def _running(average, batch, momentum):
    return momentum * average + (1 - momentum) * batch.astype(average.dtype)


def layer_norm(*, epsilon=1e-6):
    """Normalise each position over its channels; in images each pixel separately.

    `epsilon` is added to the variance, above 0; see `fnnet.ops.layer_norm`.

    Returns
    -------
    Layer
        ``(N, ..., C) -> (N, ..., C)``; params `scale`, `offset` (C,). The same in training and at
        inference.
    """
    return _norm("layer_norm", ops.layer_norm, {"epsilon": epsilon})


def group_norm(groups, *, epsilon=1e-5):
    """Normalise each example's groups of channels over all positions.

    `groups`, at least 1, divides the input's channels; `epsilon` is added to the variance, above
    0; see `fnnet.ops.group_norm`.

    Returns
    -------
    Layer
        ``(N, ..., C) -> (N, ..., C)``; params `scale`, `offset` (C,). The same in training and at
        inference.
    """
    require_integer("group_norm: groups", groups)
    return _norm("group_norm", ops.group_norm, {"groups": groups, "epsilon": epsilon})


def instance_norm(*, epsilon=1e-5):
    """Normalise each example's channels separately over all positions.

    `epsilon` is added to the variance, above 0; see `fnnet.ops.instance_norm`.

    Returns
    -------
    Layer
        ``(N, ..., C) -> (N, ..., C)``; params `scale`, `offset` (C,). The same in training and at
        inference.
    """
    return _norm("instance_norm", ops.instance_norm, {"epsilon": epsilon})


def gdn(*, inverse=False):
    """Divide each position's channels by their weighted energy, or multiply for the `inverse`.

    Parameters
    ----------
    inverse : bool
        Whether to build the decoder's counterpart; see `fnnet.ops.gdn`.

    Returns
    -------
    Layer
        ``(N, ..., C) -> (N, ..., C)``; params `beta_root` (C,) and `gamma_root` (C, C).

    Raises
    ------
    LayerError
        In ``init``, if an example has no axis.

    Notes
    -----
    The parameters are roots, so that no step can leave the domain: ``beta = beta_root² + 1e-6``,
    ``gamma = gamma_root²``. They start at ``beta = 1`` and ``gamma = 0.1`` on the diagonal; off the
    diagonal a root starts at 2^-18, since its gradient would be 0 at 0.

    References
    ----------
    Ballé, Laparra, Simoncelli 2016, arXiv:1511.06281; initial values and roots as in Ballé 2018,
    arXiv:1802.00847, section 2.
    """

    def init(key, in_shape):
        require(len(in_shape) >= 1, "an example needs at least one axis")
        channels = in_shape[-1]
        gamma_root = jnp.where(jnp.eye(channels, dtype=bool), math.sqrt(0.1), 2**-18)
        beta_root = jnp.full((channels,), math.sqrt(1 - _LEAST_BETA), jnp.float32)
        return {"beta_root": beta_root, "gamma_root": gamma_root.astype(jnp.float32)}, {}

    def apply(params, state, x, *, key=None, train=False):
        beta = jnp.square(params["beta_root"]) + _LEAST_BETA
        return ops.gdn(x, beta, jnp.square(params["gamma_root"]), inverse=inverse), state

    return Layer("gdn", init, apply, {"inverse": inverse})


def _norm(kind, function, settings):
    require(settings["epsilon"] > 0, f"{kind}: epsilon={settings['epsilon']} must be above 0")

    def apply(params, state, x, *, key=None, train=False):
        return function(x, params["scale"], params["offset"], **settings), state

    return Layer(kind, _scale_and_offset, apply, settings)


def _scale_and_offset(key, in_shape):
    require(len(in_shape) >= 1, "an example needs at least one axis")
    ones = jnp.ones(in_shape[-1:], jnp.float32)
    return {"scale": ones, "offset": jnp.zeros_like(ones)}, {}
