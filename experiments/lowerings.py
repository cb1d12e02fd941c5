"""Time fnnet's CPU lowerings of convolutions against JAX's own."""

import json
import os
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import jax
import jax.numpy as jnp
import jaxlib
import numpy as np
from rich.table import Table

from experiments.cli import console
from experiments.cli.commands import run_command
from experiments.system import storage
from experiments.system.hardware import cores, processor
from fnnet.core import require
from fnnet.ops import conv_lowering

FORMS = (conv_lowering.CONVOLVE, conv_lowering.INPUT_GRADIENT, conv_lowering.KERNEL_GRADIENT)
# Batch, size, channels in and out, kernel, stride, groups: layers of autoencoders and restorers.
SHAPES = (
    (16, 64, 64, 64, 3, 1, 1),
    (16, 48, 64, 64, 3, 1, 1),
    (16, 96, 64, 64, 3, 1, 1),
    (16, 64, 3, 64, 3, 1, 1),
    (16, 64, 64, 3, 3, 1, 1),
    (16, 64, 32, 64, 3, 1, 1),
    (16, 64, 64, 64, 1, 1, 1),
    (16, 128, 3, 32, 3, 2, 1),
    (16, 64, 32, 64, 3, 2, 1),
    (16, 32, 64, 128, 3, 2, 1),
    (16, 64, 32, 64, 4, 2, 1),
    (16, 64, 64, 64, 3, 1, 64),
    (16, 64, 64, 64, 3, 1, 4),
)


@dataclass(frozen=True, kw_only=True)
class Config:
    """Time convolutions and their gradients in JAX's own form and in fnnet's (half a minute).

    A table is printed: ms, the best of many calls of compiled programs that take turns. Nothing
    else should run meanwhile.
    """

    dtype: Literal["float32", "bfloat16"] = "float32"
    """Dtype of images and kernels."""
    seconds: float = 0.5
    """Duration of the calls for one cell of the table, above 0."""
    out: Path | None = None
    """A JSON file for the results, which must not exist. Default: none is written."""


def main(config: Config):
    """Measure, print, and write the results if `config` names a file."""
    require(config.seconds > 0, f"--seconds {config.seconds}: must be above 0")
    device = jax.default_backend()
    require(device == "cpu", f"lowerings: these forms are for CPUs; JAX uses a {device} here")
    require(config.out is None or not config.out.exists(), f"--out {config.out}: exists already")
    rows = {shape: _measure(shape, config) for shape in SHAPES}
    console.terminal().print(_table(rows, config))
    if config.out:
        storage.write_text(config.out, json.dumps(_record(rows, config), indent=1) + "\n")


def _measure(shape, config):
    """Time the forms of one shape, ``{form: (JAX's own, fnnet's)}``, in milliseconds."""
    batch, length, channels, features, size, stride, groups = shape
    draw = np.random.default_rng(0)
    x, kernel = (
        jnp.asarray(draw.normal(size=s).astype(np.float32), config.dtype)
        for s in ((batch, length, length, channels), (size, size, channels // groups, features))
    )
    padding = tuple(
        map(tuple, jax.lax.padtype_to_pads((length,) * 2, (size,) * 2, (stride,) * 2, "SAME"))
    )
    settings = {"strides": (stride, stride), "padding": padding, "groups": groups}
    y = conv_lowering.convolve(x, kernel, **settings)
    arguments = (
        ((x, kernel), {}),
        ((y, kernel), {"shape": (length, length)}),
        ((x, y), {"size": (size, size)}),
    )
    times = {}
    for form, (operands, more) in zip(FORMS, arguments, strict=True):
        programs = [
            jax.jit(partial(function, **settings, **more)) for function in (form.plain, form.on_cpu)
        ]
        times[form.name] = _milliseconds(programs, operands, config.seconds)
    return times


def _milliseconds(programs, operands, seconds):
    best = [float("inf")] * len(programs)
    for program in programs:
        program(*operands).block_until_ready()
    until = time.perf_counter() + seconds
    while True:
        for index, program in enumerate(programs):
            began = time.perf_counter()
            program(*operands).block_until_ready()
            best[index] = min(best[index], 1e3 * (time.perf_counter() - began))
        if time.perf_counter() > until:
            return best


def _table(rows, config):
    onednn = "with" if conv_lowering.has_onednn() else "without"
    title = f"{config.dtype}, ms: JAX's own form, and fnnet's ({onednn} oneDNN)"
    table = Table(title=title, title_justify="left")
    for name in ("batch", "side", "channels", "kernel", "stride", "groups"):
        table.add_column(name, justify="right", no_wrap=True)
    for form in FORMS:
        table.add_column(form.name.replace("_", "\n"), justify="right", no_wrap=True)
    for (batch, length, channels, features, size, stride, groups), row in rows.items():
        cells = (batch, length, f"{channels}→{features}", f"{size}x{size}", stride, groups)
        times = (f"{plain:.1f}  {ours:.1f}" for plain, ours in row.values())
        table.add_row(*map(str, cells), *times)
    return table


def _record(rows, config):
    return {
        "processor": processor(),
        "cores": cores(),
        "jaxlib": jaxlib.__version__,
        "flags": os.environ.get("XLA_FLAGS", ""),
        "onednn": conv_lowering.has_onednn(),
        "dtype": config.dtype,
        "columns": ["batch", "side", "channels", "features", "kernel", "stride", "groups"],
        "milliseconds, JAX's own and fnnet's": [
            {"shape": shape, **times} for shape, times in rows.items()
        ],
    }


if __name__ == "__main__":
    run_command(main, Config, prog="python -m experiments.lowerings")
