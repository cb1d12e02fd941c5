"""The config of a run: the contents of `config.json` in its folder."""

import re
from dataclasses import dataclass, fields
from pathlib import Path

import msgspec

from experiments.networks.tasks import TaskName
from experiments.runs.recipes import Recipe
from experiments.system.errors import RunError
from experiments.system.storage import read_json

NAME = "config.json"


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """The options that decide a run's result; `data` None are the embedded photographs.

    The file is flat: it holds the recipe's fields beside these, and the options that the network
    was built from. A run's record has the network's complete config.
    """

    task: TaskName
    data: str | None
    quality: int
    downscale: float
    seed: int
    recipe: Recipe
    save_seconds: float = 20.0
    tiny: bool = False


def read_config(folder):
    """Read the config of a run; raise `RunError` if the folder holds none."""
    flat = read_options(folder)
    recipe = {field.name: flat[field.name] for field in fields(Recipe) if field.name in flat}
    try:
        return msgspec.convert(flat | {"recipe": recipe}, RunConfig)
    except msgspec.ValidationError as error:
        reason = f"is not the config of a run: {_why(error, flat)}"
        raise RunError(f"{Path(folder) / NAME}: {reason}") from error


def read_options(folder):
    """Read the options that a run was started with, by name, as the file has them."""
    path = Path(folder) / NAME
    if not path.exists():
        raise RunError(f"{folder}: holds no run (there is no {NAME})")
    options = read_json(path)
    if not isinstance(options, dict):
        raise RunError(f"{path}: is not the config of a run")
    return options


def _why(error, flat):
    """Name the option that is missing or has a wrong value."""
    at = re.search(r"\$\.(?:recipe\.)?(\w+)", str(error))
    if at is None or at[1] not in flat:
        return str(error)
    return f"{at[1]} is {flat[at[1]]!r} there"
