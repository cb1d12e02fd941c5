"""Tasks: input and target of a network, with its default model and latents."""

from dataclasses import dataclass
from typing import Literal

import jax.numpy as jnp

from experiments.networks.bottlenecks import Latents
from fnnet.core import require

TaskName = Literal["autoencode", "emulate", "restore"]


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
    """Raise `LayerError` unless a network suits a task."""
    require(
        task.name == "autoencode" or model_config.latents == "real",
        f"--latents {model_config.latents}: goes with --task autoencode",
    )
    require(
        task.name != "autoencode" or model_config.bottleneck > 0,
        "the model 'residual' without a bottleneck passes the image through, which compresses "
        "nothing; set one: --bottleneck 16",
    )
