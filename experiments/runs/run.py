"""A run as a value: what its folder says, and the trained network in it."""

from dataclasses import dataclass
from pathlib import Path

import fnnet as fn
from experiments.evaluation import scores
from experiments.fnn import FnnError
from experiments.networks import architectures, configs
from experiments.networks.codec import Codec, is_codec
from experiments.networks.tasks import TASKS, Task
from experiments.runs.recipes import make_optimizer, recipe_of
from experiments.runs.records import read_record, read_run_config
from experiments.runs.saving import WEIGHTS, restore, restore_weights
from experiments.system.errors import RunError
from fnnet.core import require


@dataclass(frozen=True, eq=False)
class Run:
    """A trained network and where it came from.

    `config` are the training command's options, `record` what `record.json` holds: versions, seed,
    and the images with their hashes and sides of the split. ``model.apply(params, state, x)``
    takes images (N, H, W, 3) in 0..1.
    """

    folder: Path
    config: dict
    record: dict
    task: Task
    model: fn.Layer
    params: dict
    state: dict
    step: int

    @property
    def is_codec(self):
        """Whether its images can be written to files."""
        return is_codec(self.model)

    def codec(self):
        """Make it ready to write and read files.

        Raises
        ------
        RunError
            If its latents are real numbers, or its training has not ended.
        FnnError
            If its tables are damaged.
        """
        try:
            return Codec(self.model, self.params, self.state, self.record["model"])
        except (RunError, FnnError) as error:
            raise type(error)(f"{self.folder}: {error}") from None

    def apply(self, rate=None):
        """Make ``pixels (H, W, 3) uint8 -> Output``: through files, where the run is a codec.

        `rate` is the number of one of the codec's rates, from 1; without it, the middle one.
        """
        if not self.is_codec:
            require(rate is None, f"--rate {rate}: {self.folder} writes no files")
            return scores.make_apply(self.model, self.params, self.state)
        codec = self.codec()
        return scores.through_files(codec, chosen_rate(codec, rate))


def load_run(folder):
    """Load a run for use: its newest checkpoint that is sound, or its weights if it is released.

    Raises
    ------
    RunError
        If the folder holds no run.
    CheckpointError
        If no checkpoint can be read or it belongs to another model.
    """
    folder = Path(folder)
    config = read_run_config(folder)
    record = read_record(folder)
    try:
        model = architectures.build(configs.from_json(record["model"]))
        optimizer = make_optimizer(recipe_of(config))
    except (KeyError, TypeError, AttributeError) as error:
        raise RunError(f"{folder}: config.json or record.json is damaged: {error!r}") from error
    if (folder / WEIGHTS).exists():
        trained = restore_weights(folder / WEIGHTS, model, record["model"])
    else:
        (step, params, state, *_), _ = restore(folder, model, optimizer, record["model"])
        trained = params, state, int(step)
    return Run(folder, config, record, TASKS[config["task"]], model, *trained)


def chosen_rate(codec, rate):
    """Check a rate's number, from 1, and give its index; the middle one's for None."""
    if rate is None:
        return codec.middle_rate
    require(1 <= rate <= codec.rates, f"--rate {rate}: must be in 1..{codec.rates} for this run")
    return rate - 1
