"""Jobs of workers, and prepared jobs: the values that pass between processes and frameworks."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from experiments.benchmarks.networks import NETWORKS

PRODUCT_SIZE = 1024
LEARNING_RATE = 1e-3


@dataclass(frozen=True)
class Variant:
    """A framework and its settings; `like` names fnnet's variant of the same precision."""

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
    """A call to time: a network's training step or inference, a matrix product, or reconstruct.

    `settings` are the keyword arguments of the network's function in `networks`, or the fields of
    `Photographs`. Training from several `seeds` at once is possible in fnnet alone.
    """

    variant: str
    mode: Literal["train", "infer", "product", "reconstruct"]
    network: str = ""
    threads: int = 1
    settings: dict = field(default_factory=dict)
    seeds: int = 1

    @property
    def module(self):
        """Name of the module whose `prepare` handles this job."""
        framework = VARIANTS[self.variant].framework
        return "reconstruction" if self.mode == "reconstruct" else f"in_{framework}"

    def build(self):
        """Build the network."""
        return NETWORKS[self.network](**self.settings)

    @property
    def shape(self):
        """Shape of the network's input."""
        network = self.build()
        return network.train_shape if self.mode == "train" else network.infer_shape


@dataclass(frozen=True)
class Photographs:
    """Input of reconstruct: a set as `open_set` takes it, from PNG files or from memory."""

    data: str | None
    files: bool


@dataclass(frozen=True)
class Prepared:
    """A job in a framework: `call` does the work once and waits until it is done.

    `temporary_bytes` returns the memory of the compiled program beside its inputs and outputs, None
    if the compiler does not report it.
    """

    call: Callable
    versions: dict
    parameters: int = 0
    temporary_bytes: Callable = lambda: None
