"""Compare fnnet's speed and memory with PyTorch's and Flax's."""

import os
import platform
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from experiments.benchmarks import report, session
from experiments.benchmarks.figure import ratios
from experiments.benchmarks.jobs import VARIANTS
from experiments.benchmarks.networks import NETWORKS
from experiments.benchmarks.reconstruction import chosen
from experiments.cli import console
from experiments.cli.commands import run_command
from experiments.system import folders
from experiments.system.hardware import cores, processor
from fnnet.core import require

NetworkName = Literal["strided", "dncnn", "dense", "pooled", "shuffle"]
VariantName = Literal[
    "fnnet", "torch", "torch-compiled", "flax", "fnnet-bf16", "torch-bf16", "torch-compiled-bf16"
]


@dataclass(frozen=True, kw_only=True)
class Config:
    """Compare fnnet's speed and memory with PyTorch's and Flax's (up to half an hour, 2 cores).

    Training step, inference, compilation and peak memory of reference networks, each framework in
    processes of its own that take turns, all on the CPU with all its cores; the growth of cost with
    batch, image, width and depth; and the speed of reconstruct. Tables are printed; a folder
    appears with benchmark.json and ratios.png. Frameworks that are not installed are named and left
    out. Nothing else should run meanwhile.
    """

    quick: bool = False
    """Two networks, three variants, fewer rounds: 2 minutes."""
    networks: tuple[NetworkName, ...] = ()
    """Networks to measure. Default: all."""
    variants: tuple[VariantName, ...] = ()
    """Frameworks and precisions to compare. Default: all."""
    rounds: int | None = None
    """Number of turns of each variant, at least 1. Default: 5; with --quick 3."""
    allocator: Literal["default", "keep"] = "default"
    """For all frameworks alike: with "keep" the C library (glibc) keeps freed memory."""
    torch_python: Path | None = None
    """Another Python that has PyTorch and NumPy. Default: this one."""
    data: str | None = None
    """Images for reconstruct's speed: a folder, or the name of a set under the folder that
    FNNET_DATA names. Default: photographs that come with scikit-image."""
    out: Path | None = None
    """Folder for the results, new or empty. Default: runs/ with time."""

    def __post_init__(self):
        require(
            self.rounds is None or self.rounds >= 1, f"--rounds {self.rounds}: must be at least 1"
        )
        for option, names in (("networks", self.networks), ("variants", self.variants)):
            twice = next((name for name in names if names.count(name) > 1), None)
            require(twice is None, f"--{option}: {twice} is named twice")
        require(
            self.torch_python is None or self.torch_python.exists(),
            f"--torch-python {self.torch_python}: does not exist",
        )


def main(config: Config) -> Path:
    """Measure, print and write; return the folder of the results."""
    images = chosen(config.data)
    megapixels = sum(image.shape[0] * image.shape[1] for image in images) / 1e6
    machine = _machine(config)
    out = config.out or folders.new_folder("benchmark")
    with (
        folders.result_folder(out) as write,
        tempfile.TemporaryDirectory(prefix="fnnet-benchmark-") as scratch,
    ):
        timings = session.measure(_plan(config), scratch)
        for timing in timings["product",]:
            machine |= timing.costs.versions
        for part in report.parts(timings, machine, megapixels):
            console.terminal().print(part, soft_wrap=isinstance(part, str))
        write("benchmark.json", report.to_json(timings, machine, megapixels))
        write("ratios.png", ratios(timings))
    console.print_line(f"written to {out}")
    return out


def _plan(config):
    return session.Plan(
        networks=config.networks or (session.QUICK_NETWORKS if config.quick else tuple(NETWORKS)),
        variants=config.variants or (session.QUICK_VARIANTS if config.quick else tuple(VARIANTS)),
        rounds=config.rounds or (3 if config.quick else 5),
        seconds=0.2 if config.quick else 0.4,
        is_quick=config.quick,
        allocator=config.allocator,
        torch_python=config.torch_python,
        data=config.data,
    )


def _machine(config):
    """Return what the figures depend on, by name."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {
        "processor": processor(),
        "cores": cores(),
        "load before": console.number(load, ".1f"),
        "system": f"{platform.system()} {platform.machine()}",
        "allocator": config.allocator,
        "python": platform.python_version(),
        "fnnet": version("fnnet"),
    }


if __name__ == "__main__":
    run_command(main, Config, prog="python -m experiments.benchmark")
