"""Options of the training command by name, as the command line takes them."""

from pathlib import Path

from experiments import train
from experiments.cli.commands import from_json


def train_config(**options):
    """Build the training command's config from its options' names."""
    return from_json(train.Config, "options", {name: _plain(v) for name, v in options.items()})


def _plain(value):
    if isinstance(value, Path):
        return str(value)
    return list(value) if isinstance(value, tuple) else value
