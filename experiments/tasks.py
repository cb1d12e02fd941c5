"""What a network is given and what it must give back."""

from dataclasses import dataclass
from typing import Literal

import jax.numpy as jnp

from fnnet import losses
from fnnet.core import require

TaskName = Literal["autoencode", "emulate", "restore"]
LossName = Literal["mse", "mae", "charbonnier"]


@dataclass(frozen=True)
class Task:
    """Which picture of a pair goes in, which must come out, and the model that suits it."""

    name: str
    source: Literal["original", "jpeg"]
    target: Literal["original", "jpeg"]
    model: str


TASKS = {
    # Through the bottleneck and back: compression.
    "autoencode": Task("autoencode", "original", "original", "conv"),
    # The network is to do to a picture what JPEG does.
    "emulate": Task("emulate", "original", "jpeg", "conv"),
    "restore": Task("restore", "jpeg", "original", "residual"),
}


def normalise(pixels):
    """Turn uint8 grey levels into what networks take: float32, black 0 and white 1."""
    return jnp.asarray(pixels, jnp.float32) / 255


def check(task, model_config):
    """Refuse a model that cannot mean anything for a task."""
    require(
        task.name != "autoencode" or model_config.bottleneck > 0,
        "the model 'residual' without a bottleneck hands the picture through, which compresses "
        "nothing; give it one: --bottleneck 16",
    )


def make_loss(model, name):
    """Make the training loss of pairs (source, target), each (N, H, W, 3) uint8.

    It is ``(params, state, batch, key) -> (scalar, (state, {"psnr": dB}))``; a key of None means
    evaluation. The PSNR is the mean over examples, of the unrounded output clipped to 0..1.
    """
    per_example = getattr(losses, name)

    def loss(params, state, batch, key):
        source, target = (normalise(pictures) for pictures in batch)
        y, state = model.apply(params, state, source, key=key, train=key is not None)
        value = per_example(y, target).mean()
        squared = losses.mse(jnp.clip(y, 0, 1), target)
        return value, (state, {"psnr": (-10 * jnp.log10(jnp.maximum(squared, 1e-10))).mean()})

    return loss
