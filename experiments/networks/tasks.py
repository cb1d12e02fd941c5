"""What a network is given and what it must give back."""

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


@dataclass(frozen=True)
class Task:
    """Which image of a pair goes in, which must come out, and the model and latents for it."""

    name: str
    source: Literal["original", "jpeg"]
    target: Literal["original", "jpeg"]
    model: str
    latents: Latents


TASKS = {
    # Through the bottleneck and back: compression.
    "autoencode": Task("autoencode", "original", "original", "conv", "bounded"),
    # The network is to do to an image what JPEG does.
    "emulate": Task("emulate", "original", "jpeg", "conv", "real"),
    "restore": Task("restore", "jpeg", "original", "residual", "real"),
}


def normalise(pixels):
    """Turn uint8 grey levels into what networks take: float32, black 0 and white 1."""
    return jnp.asarray(pixels, jnp.float32) / 255


def check(task, model_config):
    """Refuse a model that cannot mean anything for a task."""
    require(
        task.name == "autoencode" or model_config.latents == "real",
        f"--latents {model_config.latents}: goes with --task autoencode",
    )
    require(
        task.name != "autoencode" or model_config.bottleneck > 0,
        "the model 'residual' without a bottleneck hands the image through, which compresses "
        "nothing; give it one: --bottleneck 16",
    )


def make_loss(model, name):
    """Make the training loss of pairs (source, target), each (N, H, W, 3) uint8.

    It is ``(params, state, batch, key) -> (scalar, (state, {"psnr": dB}))``; a key of None means
    evaluation. The PSNR is the mean over examples, of the unrounded output clipped to 0..1.

    For a model with penalised latents it is the mean of ``bits a
    pixel + weight * 255² * loss``, each image at a rate of its own in turn, and the metrics have
    `bits_per_pixel`. Ballé, Laparra, Simoncelli 2017, arXiv:1611.01704, equation 10.
    """
    per_example = getattr(losses, name)
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


_RATE = 0x72617465  # tells the draw of rates from those of the model, which has the same key


def _psnr(y, target):
    squared = losses.mse(jnp.clip(y, 0, 1), target)
    return (-10 * jnp.log10(jnp.maximum(squared, 1e-10))).mean()
