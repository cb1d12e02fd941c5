"""Training losses: distortion, or bits + lambda * distortion where latents are penalised."""

from typing import Literal

import jax
import jax.numpy as jnp

from experiments.networks.autoencoder import Autoencoder
from experiments.networks.tasks import normalise
from fnnet import losses

LossName = Literal["mse", "mae", "charbonnier"]
_LOSSES = {"mse": losses.mse, "mae": losses.mae, "charbonnier": losses.charbonnier}
_RATE = 0x72617465  # separates the draw of rates from the model's draws, which use the same key


def make_loss(model, name):
    """Build the training loss of pairs (source, target), each (N, H, W, 3) uint8.

    Returns
    -------
    callable
        ``(params, state, batch, key) -> (scalar, (state, {"psnr": dB}))``; a key of None means
        evaluation. The PSNR is the mean over examples, of the unrounded output clipped to 0..1.
        With penalised latents the scalar is the mean of ``bits per pixel + weight * 255² * loss``,
        the images taking the rates in turn, and the metrics have `bits_per_pixel`.

    References
    ----------
    Ballé, Laparra, Simoncelli 2017, arXiv:1611.01704, equation 10.
    """
    per_example = _LOSSES[name]
    distortion_weights = (
        model.bottleneck.distortion_weights if isinstance(model, Autoencoder) else ()
    )

    def plain(params, state, batch, key):
        source, target = (normalise(images) for images in batch)
        y, state = model.apply(params, state, source, key=key, train=key is not None)
        return per_example(y, target).mean(), (state, {"psnr": _psnr(y, target)})

    def penalised(params, state, batch, key):
        source, target = (normalise(images) for images in batch)
        rate = jnp.arange(source.shape[0])
        if key is not None:
            rate = rate + jax.random.randint(
                jax.random.fold_in(key, _RATE), (), 0, len(distortion_weights)
            )
        rate = rate % len(distortion_weights)
        coded = model.code(params, state, source, rate, key=key, train=key is not None)
        weights = 255**2 * jnp.asarray(distortion_weights)[rate]
        bits = coded.bits.sum((1, 2, 3)) / (source.shape[1] * source.shape[2])
        value = (bits + weights * per_example(coded.images, target)).mean()
        metrics = {"psnr": _psnr(coded.images, target), "bits_per_pixel": bits.mean()}
        return value, (coded.state, metrics)

    return penalised if distortion_weights else plain


def _psnr(y, target):
    squared = losses.mse(jnp.clip(y, 0, 1), target)
    return (-10 * jnp.log10(jnp.maximum(squared, 1e-10))).mean()
