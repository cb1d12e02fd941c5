"""What a worker is asked to do, and what it makes ready: values that cross between processes."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from experiments.benchmarks.networks import NETWORKS

PRODUCT_SIZE = 1024
LEARNING_RATE = 1e-3


@dataclass(frozen=True)
class Variant:
    """A framework and how it is used; `like` names ours of the same precision."""

    framework: str
    precision: Literal["float32", "bfloat16"] = "float32"
    compiled: bool = False
    like: str = "fnnet"


VARIANTS = {
    "fnnet": Variant("fnnet"),
    "torch": Variant("torch"),
    "torch-compiled": Variant("torch", compiled=True),
    "flax": Variant("flax"),
    "fnnet-bf16": Variant("fnnet", "bfloat16"),
    "torch-bf16": Variant("torch", "bfloat16", like="fnnet-bf16"),
    "torch-compiled-bf16": Variant("torch", "bfloat16", compiled=True, like="fnnet-bf16"),
}


@dataclass(frozen=True)
class Job:
    """One thing to be timed.

    A network's training step or inference, a product of matrices, or what reconstruct does.

    `settings` are the keyword arguments of the network's function in `networks`, or those of
    ``reconstruction.prepare``; so many `seeds` are trained at once, which fnnet alone can.
    """

    variant: str
    mode: Literal["train", "infer", "product", "reconstruct"]
    network: str = ""
    threads: int = 1
    settings: dict = field(default_factory=dict)
    seeds: int = 1

    @property
    def module(self):
        """Name the module whose `prepare` makes this ready."""
        framework = VARIANTS[self.variant].framework
        return "reconstruction" if self.mode == "reconstruct" else f"in_{framework}"

    def build(self):
        """Make the network's list of layers."""
        return NETWORKS[self.network](**self.settings)

    @property
    def shape(self):
        """Tell the shape of the network's input."""
        network = self.build()
        return network.train_shape if self.mode == "train" else network.infer_shape


@dataclass(frozen=True)
class Prepared:
    """What a framework made ready: `call` does the work once and waits until it is done.

    `temporary_bytes` is what the compiled program needs beside its inputs and outputs, where the
    compiler tells.
    """

    call: Callable
    versions: dict
    parameters: int = 0
    temporary_bytes: Callable = lambda: None
