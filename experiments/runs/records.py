"""The config and the record in a run's folder."""

from pathlib import Path

from experiments.networks.tasks import TASKS
from experiments.system.errors import RunError
from experiments.system.storage import read_json


def read_record(folder):
    """Read what a run says of itself."""
    path = Path(folder) / "record.json"
    record = read_json(path)
    for name, kind in (("model", dict), ("pictures", list), ("sessions", list)):
        if not isinstance(record, dict) or not isinstance(record.get(name), kind):
            raise RunError(f"{path}: is not the record of a run: it has no {name!r}")
    return record


# What commands read of a config that they do not parse; the rest is checked where it is used.
_SOUND = {
    "task": lambda value: isinstance(value, str) and value in TASKS,
    "data": lambda value: value is None or isinstance(value, str),
    "quality": lambda value: isinstance(value, int),
    "downscale": lambda value: isinstance(value, int | float),
}


def read_run_config(folder):
    """Read the options that a run was started with."""
    path = Path(folder) / "config.json"
    if not path.exists():
        raise RunError(f"{folder}: holds no run (there is no config.json)")
    config = read_json(path)
    if not isinstance(config, dict):
        raise RunError(f"{path}: is not the config of a run")
    for name, is_sound in _SOUND.items():
        if not is_sound(config.get(name)):
            raise RunError(
                f"{path}: is not the config of a run: {name} is {config.get(name)!r} there"
            )
    return config
