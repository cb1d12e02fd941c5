"""A trial: one run of a controlled experiment as a value, and its JSON form."""

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Literal

import msgspec

from experiments.networks import configs
from experiments.networks.configs import NetworkConfig
from experiments.networks.tasks import TaskName
from experiments.runs.recipes import Recipe

BudgetName = Literal["tiny", "small", "full"]
Kind = Literal["ablation", "rung"]


@dataclass(frozen=True, kw_only=True)
class Options(Recipe):
    """The recipe of a trial, and the quality of its JPEG versions (None if it has none)."""

    quality: int | None = None


@dataclass(frozen=True, kw_only=True)
class Sets:
    """Names of the sets to train and to test on, and the number of images that are trained on."""

    train: str
    test: str
    pictures: int


@dataclass(frozen=True, kw_only=True)
class Trial:
    """All that is needed to repeat a run.

    `axis` and `value` are the setting that is varied and its value in text: "activation" and
    "relu". Of a rung of the ladder, they are the rung's name and that of its network. `baseline`
    marks the axis's default. `seed` decides weights, batches and which images are trained on, in
    the same way for all values: runs of one seed are pairs.
    """

    axis: str
    value: str
    baseline: bool
    seed: int
    task: TaskName
    budget: BudgetName
    model: NetworkConfig
    options: Options
    data: Sets
    kind: Kind = "ablation"

    @property
    def identity(self):
        """Digest of the trial: 16 hexadecimal digits."""
        return _digest(to_json(self))

    @property
    def work(self):
        """Digest of the computation: trials with the same digest share their measurements."""
        # Axes share a baseline: which of them asks for it changes nothing.
        named = ("axis", "value", "baseline", "kind", "budget")
        return _digest({name: part for name, part in to_json(self).items() if name not in named})


def to_json(trial):
    """Return a trial as a dict of plain values, as records hold it."""
    row = asdict(trial) | {"model": configs.to_json(trial.model)}
    del row["options"]["grid"]  # the default in every trial
    if trial.options.quality is None:
        del row["options"]["quality"]
    return row


def decode(kind, value):
    """Decode the config of a network, which msgspec cannot tell from others: its ``dec_hook``."""
    assert kind is NetworkConfig, kind
    name = value.get("name") if isinstance(value, dict) else None
    if name not in configs.CONFIGS:
        raise ValueError(f"There is no network {name!r}")
    msgspec.convert(value, configs.CONFIGS[name])  # types, which the next line does not check
    return configs.from_json(value)


def _digest(row):
    text = json.dumps(row, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
