"""Versions, platform and threads: all that can change the bits of a run."""

import os
import platform
from importlib.metadata import version

import jax

from experiments.system.hardware import cores


def environment():
    """Return what can change a run's bits, by name: versions, platform, threads."""
    packages = ("jax", "jaxlib", "numpy", "pillow", "safetensors", "scikit-image")
    return {
        "fnnet": version("fnnet"),
        "python": platform.python_version(),
        **{package: version(package) for package in packages},
        "machine": platform.machine(),
        "system": platform.system(),
        "device": jax.devices()[0].device_kind,
        "cores": cores(),
        "NPROC": os.environ.get("NPROC"),
    }
