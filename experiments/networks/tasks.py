"""Tasks: input, target, and the loss of training."""

from dataclasses import dataclass
from typing import Literal

import jax
import jax.numpy as jnp

from experiments.networks.autoencoder import Autoencoder
from experiments.networks.bottlenecks import Latents
from fnnet import losses
from fnnet.core import require

TaskName = Literal["autoencode", "emulate", "restore"]
LossName = Literal["mse", "mae", "charbonnier"]
_LOSSES = {"mse": losses.mse, "mae": losses.mae, "charbonnier": losses.charbonnier}


@dataclass(frozen=True)
class Task:
    """Input and target of a network, as images of a pair, with its default model and latents."""

    name: str
    source: Literal["original", "jpeg"]
    target: Literal["original", "jpeg"]
    model: str
    latents: Latents


TASKS = {
    # Compression: through the bottleneck and back.
    "autoencode": Task("autoencode", "original", "original", "conv", "bounded"),
    # The network imitates what JPEG does to an image.
    "emulate": Task("emulate", "original", "jpeg", "conv", "real"),
    "restore": Task("restore", "jpeg", "original", "residual", "real"),
}


def normalise(pixels):
    """Convert uint8 grey levels to network inputs: float32, black 0 and white 1."""
    return jnp.asarray(pixels, jnp.float32) / 255


def check(task, model_config):
    """Raise `LayerError` if a network makes no sense for a task."""
    require(
        task.name == "autoencode" or model_config.latents == "real",
        f"--latents {model_config.latents}: goes with --task autoencode",
    )
    require(
        task.name != "autoencode" or model_config.bottleneck > 0,
        "the model 'residual' without a bottleneck passes the image through, which compresses "
        "nothing; give it one: --bottleneck 16",
    )


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


_RATE = 0x72617465  # separates the draw of rates from the model's draws, which use the same key


def _psnr(y, target):
    squared = losses.mse(jnp.clip(y, 0, 1), target)
    return (-10 * jnp.log10(jnp.maximum(squared, 1e-10))).mean()
