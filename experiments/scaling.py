"""Predict how training scales to many devices, from the bytes that a step moves between them."""

import math
import re
import statistics
import time
from dataclasses import asdict, dataclass
from typing import Literal

import jax
import numpy as np
from jax.sharding import AxisType, Mesh
from rich.table import Table

from experiments.cli import console
from experiments.cli.commands import run_command
from experiments.networks import architectures, configs
from experiments.networks.configs import Norm
from experiments.networks.losses import make_loss
from experiments.runs.recipes import Recipe, make_optimizer
from experiments.training.devices import AXIS, Placement
from fnnet.core import require
from fnnet.train import init_state, make_step
from fnnet.trees import size

_DEVICES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000)
_STEPS = 10  # that are timed
_COLLECTIVES = "all-reduce|all-gather|all-to-all|reduce-scatter|collective-permute"
LEGEND = """\
ring, tree: the all-reduces, of equal sizes, one after the other; the quicker is in the step
waiting: for the slowest device, sqrt(2 ln N) standard deviations of the step's time
efficiency: one device's step over N devices' step, each with its own batch"""


@dataclass(frozen=True, kw_only=True)
class Config:
    """Print the bytes that a step moves between devices, and a model of efficiency up to 1,000.

    Compiles the step for 2 devices and counts the bytes of its collectives, times it on one device
    unless --step-ms is set, and prints the table, in about half a minute. The table is a
    prediction: only the bytes and the one device's step are measured.
    """

    model: Literal["mlp", "shallow", "conv", "residual"] = "conv"
    norm: Norm = "none"
    """Normalisation after each hidden layer; batch norm's is over the batches of all devices."""
    batch: int = 64
    """Patches per step on each device; the whole batch grows with the number of devices."""
    patch: int = 48
    """Height and width of a patch in pixels."""
    step_ms: float | None = None
    """Time of a step on one device, in ms. Default: measured on this machine."""
    bandwidth: float = 12.5
    """Bandwidth from device to device, in GB/s; 12.5 is a network of 100 Gbit/s."""
    latency: float = 10.0
    """Time from sending to receiving a message, in microseconds."""
    jitter: float = 0.02
    """Standard deviation of a device's step time, over its mean."""


@dataclass(frozen=True)
class Network:
    """A device's link to the others: bytes per second, and seconds per message."""

    bandwidth: float
    latency: float


def main(config: Config):
    """Print the bytes, the step's time and the table."""
    _check(config)
    parameters, exchanges = _compiled(config)
    seconds = config.step_ms / 1e3 if config.step_ms else _step_seconds(config)
    terminal = console.terminal()
    terminal.print(f"parameters              {parameters:,}: {4 * parameters:,} bytes of gradient")
    for name, (number, bytes_moved) in exchanges.items():
        terminal.print(f"{name:23} {number} in the compiled step, {bytes_moved:,} bytes")
    source = "as given" if config.step_ms else f"median of {_STEPS}, measured here"
    terminal.print(f"step on one device      {1e3 * seconds:.1f} ms ({source})")
    network = Network(1e9 * config.bandwidth, 1e-6 * config.latency)
    terminal.print(_table(config, network, exchanges, seconds))
    terminal.print(LEGEND, soft_wrap=True)


def ring_seconds(devices, size, network):
    """Predict an all-reduce of `size` bytes around a ring.

    Each device sends 2 (N - 1) messages of size / N bytes, one after the other: optimal in bytes,
    linear in latency. Patarasuk and Yuan 2009, doi:10.1016/j.jpdc.2008.09.002.
    """
    messages = 2 * (devices - 1)
    return messages * (network.latency + size / devices / network.bandwidth)


def tree_seconds(devices, size, network):
    """Predict an all-reduce of `size` bytes up and down two binary trees.

    2 log2 N messages deep, and every device sends each byte twice in a pipeline. Sanders, Speck and
    Träff 2009, doi:10.1016/j.parco.2009.09.001.
    """
    if devices == 1:
        return 0.0
    return 2 * math.ceil(math.log2(devices)) * network.latency + 2 * size / network.bandwidth


def waiting_seconds(devices, seconds, jitter):
    """Predict by how many seconds the slowest of `devices` is later than the mean.

    The expected largest of N independent normal values is below sqrt(2 ln N) deviations.
    """
    return seconds * jitter * math.sqrt(2 * math.log(devices))


def collectives(text):
    """Count the collectives of a program in HLO, as ``compiled.as_text()`` returns it.

    Returns ``{name: (number, bytes of the results)}`` of each kind of collective.
    """
    counted = {}
    for shapes, name in re.findall(rf"= (.*?) ({_COLLECTIVES})(?:-start)?\(", text):
        number, moved = counted.get(name, (0, 0))
        counted[name] = number + 1, moved + _bytes(shapes)
    return counted


def _bytes(shapes):
    """Sum the bytes of HLO shapes such as ``(f32[3,4]{1,0}, pred[])``."""
    total = 0
    for dtype, dimensions in re.findall(r"\b([a-z]+\d*)\[([\d,]*)\]", shapes):
        bits = 8 if dtype == "pred" else int(re.search(r"\d+", dtype)[0])
        total += bits * math.prod(int(length) for length in dimensions.split(",") if length) // 8
    return total


def _check(config):
    for name, value in asdict(config).items():
        if isinstance(value, (int, float)):
            option = f"--{name.replace('_', '-')} {value}"
            if name in ("latency", "jitter"):
                require(math.isfinite(value) and value >= 0, f"{option}: must be at least 0")
            else:
                require(math.isfinite(value) and value > 0, f"{option}: must be above 0")


def _training(config):
    """Build a training step, its train state and its batch."""
    norm = None if config.norm == "none" else config.norm
    model = architectures.build(configs.configure(config.model, norm=norm))
    recipe = Recipe(schedule="constant", steps=1, batch=config.batch, patch=config.patch)
    optimizer = make_optimizer(recipe)
    shape = (config.patch, config.patch, 3)
    train_state = init_state(*model.init(jax.random.key(0), shape), optimizer)
    pixels = np.random.default_rng(0).integers(0, 256, (config.batch, *shape), np.uint8)
    return make_step(make_loss(model, recipe.loss), optimizer), train_state, (pixels, pixels)


def _compiled(config):
    """Compile for two devices; return the number of parameters and the collectives."""
    devices = jax.devices() if jax.device_count() > 1 else jax.devices("cpu")
    mesh = Mesh(np.array(devices[:2]), (AXIS,), axis_types=(AxisType.Auto,))
    placement = Placement(mesh)
    step, train_state, batch = _training(config)
    rows = 2 * config.batch
    batch = placement.sharded(tuple(np.concatenate([part, part]) for part in batch), rows)
    state, key = placement.replicated((train_state, jax.random.key(1)))
    text = placement.compiled(step).lower(state, batch, key).compile().as_text()
    return size(train_state.params), collectives(text)


def _step_seconds(config):
    step, train_state, batch = _training(config)
    key, times = jax.random.key(1), []
    for _ in range(2 + _STEPS):
        began = time.perf_counter()
        train_state, _ = jax.block_until_ready(step(train_state, batch, key))
        times.append(time.perf_counter() - began)
    return statistics.median(times[2:])


def _table(config, network, counted, seconds):
    exchanges = sum(number for number, _ in counted.values())
    each = sum(moved for _, moved in counted.values()) / max(exchanges, 1)
    table = Table(
        title=f"predicted for {config.batch} patches per device\n{config.bandwidth:g} GB/s, "
        f"{config.latency:g} µs, jitter {config.jitter:.0%}, nothing hidden behind computing",
        title_justify="left",
    )
    for name in ("devices", "batch", "ring ms", "tree ms", "waiting ms", "step ms", "efficiency"):
        table.add_column(name, justify="right")
    for devices in _DEVICES:
        ring, tree = (exchanges * f(devices, each, network) for f in (ring_seconds, tree_seconds))
        waiting = waiting_seconds(devices, seconds, config.jitter)
        step = seconds + min(ring, tree) + waiting
        times = (f"{1e3 * value:.3f}" for value in (ring, tree, waiting, step))
        batch = f"{devices * config.batch:,}"
        table.add_row(f"{devices:,}", batch, *times, f"{seconds / step:.1%}")
    return table


if __name__ == "__main__":
    # Before JAX starts: a CPU counts as two devices, enough for collectives between them.
    jax.config.update("jax_num_cpu_devices", 2)
    run_command(main, Config, prog="python -m experiments.scaling")
