"""A run as a value: its config, its record and its trained network."""

from dataclasses import dataclass
from pathlib import Path

import fnnet as fn
from experiments.evaluation import scores
from experiments.fnn import FnnError
from experiments.networks import architectures, configs
from experiments.networks.codec import Codec, is_codec
from experiments.networks.configs import NetworkConfig
from experiments.networks.tasks import TASKS, Task
from experiments.runs.config import RunConfig, read_config
from experiments.runs.record import Record, read_record
from experiments.runs.released import folder_of
from experiments.runs.saving import WEIGHTS, restore_network, restore_weights
from experiments.system.errors import RunError
from fnnet.core import LayerError, require


@dataclass(frozen=True, eq=False)
class Run:
    """A trained network and where it came from.

    ``model.apply(params, state, x)`` takes images (N, H, W, 3) in 0..1; `step` is the number of
    training steps.
    """

    folder: Path
    config: RunConfig
    record: Record
    model: fn.Layer
    params: dict
    state: dict
    step: int

    @property
    def task(self) -> Task:
        """The task that the network was trained for."""
        return TASKS[self.config.task]

    @property
    def network(self) -> NetworkConfig:
        """The config that the model was built from."""
        return configs.from_json(self.record.model)

    @property
    def is_codec(self):
        """Whether its images can be written to files."""
        return is_codec(self.model)

    def codec(self):
        """Return the network ready to write and read files.

        Raises a RunError if its latents are real numbers or its training has not ended, and an
        FnnError if its tables are damaged.
        """
        try:
            return Codec(self.model, self.params, self.state, self.record.model)
        except (RunError, FnnError) as error:
            raise type(error)(f"{self.folder}: {error}") from None

    def apply(self, rate=None):
        """Return ``pixels (H, W, 3) uint8 -> Output``, through files where the run is a codec.

        `rate` is the number of one of the codec's rates, from 1; without it, the middle one.
        """
        if not self.is_codec:
            require(rate is None, f"--rate {rate}: {self.folder} writes no files")
            return scores.make_apply(self.model, self.params, self.state)
        codec = self.codec()
        return scores.through_files(codec, chosen_rate(codec, rate))


def open_run(run):
    """Load a run for inference, by its folder or by the name of released weights.

    Its newest checkpoint that is sound is read, or its weights if it is released; never the
    optimiser's state.

    Raises
    ------
    RunError
        If there is no such folder or name, or the folder holds no run.
    CheckpointError
        If no checkpoint can be read or it belongs to another model.
    """
    folder = folder_of(run)
    config, record = read_config(folder), read_record(folder)
    try:
        model = architectures.build(configs.from_json(record.model))
    except (LayerError, KeyError, TypeError) as error:
        raise RunError(f"{folder}: record.json is damaged: {error!r}") from error
    if (folder / WEIGHTS).exists():
        trained = restore_weights(folder / WEIGHTS, model, record.model)
    else:
        trained = restore_network(folder, model, record.model)
    return Run(folder, config, record, model, *trained)


def chosen_rate(codec, rate):
    """Return the index of a rate that is numbered from 1; the middle one's for None."""
    if rate is None:
        return codec.middle_rate
    require(1 <= rate <= codec.rates, f"--rate {rate}: must be in 1..{codec.rates} for this run")
    return rate - 1
