"""The training of a run: from images to checkpoints, a log, tables and figures."""

import hashlib
import json
import math
import time
from pathlib import Path

from experiments.cli.commands import note
from experiments.cli.progress import TrainingProgress
from experiments.evaluation.pairs import Pair, load_pairs
from experiments.images import check_patch
from experiments.networks import configs
from experiments.networks.codec import is_codec, with_tables
from experiments.networks.configs import NetworkConfig
from experiments.networks.tasks import TASKS
from experiments.runs import record as records
from experiments.runs import saving
from experiments.runs.config import RunConfig
from experiments.runs.record import Record, RunSession
from experiments.runs.run import Run
from experiments.system import storage
from experiments.system.environment import environment
from experiments.system.errors import RunError
from experiments.training import multihost
from experiments.training.batches import watched_batch
from experiments.training.devices import Placement
from experiments.training.report import report
from experiments.training.session import Session, build_programs
from fnnet import checkpoint_series


def load_training_pairs(config: RunConfig):
    """Read the images that a run's config names, and check that the patch fits into them."""
    pairs = load_pairs(config.data, config.quality, seed=config.seed, downscale=config.downscale)
    images = [pair.image for pair in pairs if pair.split == "train"]
    check_patch(images, config.recipe.patch, config.recipe.grid)
    return pairs


def digest(pairs):
    """Hash the images and their split assignments."""
    return hashlib.sha256(json.dumps([_image_record(pair) for pair in pairs]).encode()).hexdigest()


def train_run(folder, config: RunConfig, network: NetworkConfig, pairs, placement, started):
    """Train from the run's newest checkpoint to the end, and report.

    Parameters
    ----------
    folder : Path
        The run's, which this process has locked.
    pairs : list of Pair
        From `load_training_pairs`.
    placement : Placement
        The devices to train on.
    started : float
        When the command began, by ``time.perf_counter``.

    Raises
    ------
    KeyboardInterrupt
        If the user stopped it; what was learned is saved.
    """
    training = _RunTraining(folder, config, network, pairs, placement, started)
    writes = multihost.is_first()
    record = multihost.together(lambda: training.start_record() if writes else None)
    train_state, timing = training.train()
    multihost.leave()
    if int(train_state.step) < config.recipe.steps:
        raise KeyboardInterrupt
    if writes:
        report(training.finished_run(record, train_state), pairs, train_state, timing, started)


def _image_record(pair: Pair):
    """Describe an image by name, pixels and fingerprint, to find it in other sets."""
    image = pair.image
    return {
        "name": image.name,
        "sha256": image.sha256,
        "fingerprint": image.fingerprint,
        "side": pair.split,
    }


class _RunTraining:
    """A run's session with its files; only the first of several processes writes."""

    def __init__(self, folder: Path, config, network, pairs, placement, started):
        self._folder, self._config, self._pairs = folder, config, pairs
        self._placement, self._started = placement, started
        self._model_record = configs.to_json(network)
        self._programs = build_programs(TASKS[config.task], network, config.recipe)
        # The held-out curve is measured on the validation split, where there is one.
        held_out = self._split("validation") or self._split("test")
        crops = watched_batch(self._programs.task, held_out, seed=config.seed)
        self._session = Session(self._programs, seed=config.seed, crops=crops, placement=placement)

    def start_record(self):
        """Write the run's record; if the run is resumed, add a session to the record."""
        images = [_image_record(pair) for pair in self._pairs]
        here = environment() | self._placement.counts
        record = Record(
            seed=self._config.seed, model=self._model_record, pictures=tuple(images), sessions=()
        )
        path = self._folder / records.NAME
        if path.exists():
            record = records.read_record(self._folder)
            if list(record.pictures) != images:
                raise RunError(f"{path}: the images are not those that the run began with")
            for session in record.sessions:
                _note_changes(session.environment, here)
        record = record.with_session(RunSession(environment=here))
        records.write_record(self._folder, record)
        return record

    def train(self):
        """Run the remaining steps; return the train state and the times."""
        recipe = self._config.recipe
        state = multihost.together(self._first_state)
        state = self._placement.replicated(multihost.from_first(state))
        first = int(state.step)
        self._saved_step, self._saved_time = first, time.perf_counter()
        to_first_step = time.perf_counter() - self._started
        pixels = recipe.batch * recipe.patch**2
        with (
            multihost.stop_requests() as stop,
            TrainingProgress(first, recipe.steps, pixels) as self._progress,
        ):
            state, spent = self._session.train(
                state,
                self._split("train"),
                on_step=self._log if multihost.is_first() else None,
                guard=multihost.ending,
                should_stop=stop,
            )
        if multihost.is_first() and int(state.step) > self._saved_step:
            self._save(int(state.step), state)
        return self._placement.local(state), {"seconds_to_first_step": to_first_step} | (
            spent._asdict()
        )

    def finished_run(self, record, train_state):
        """Return the trained run; where its latents are coded, with tables, which are saved."""
        model, state = self._programs.model, train_state.state
        if is_codec(model):
            images = (pair.original for pair in self._split("train"))
            state = with_tables(model, train_state.params, state, images)
            saving.save(self._folder, train_state._replace(state=state), self._model_record)
        step = int(train_state.step)
        return Run(self._folder, self._config, record, model, train_state.params, state, step)

    def _split(self, name):
        return [pair for pair in self._pairs if pair.split == name]

    def _first_state(self):
        """Restore the newest checkpoint, in the process that writes; without one, start anew."""
        state = None
        if multihost.is_first():
            if checkpoint_series.newest_step(self._folder) is not None:
                model, optimizer = self._programs.model, self._programs.optimizer
                state, _ = saving.restore(self._folder, model, optimizer, self._model_record)
            storage.cut_metrics(self._log_path, 0 if state is None else int(state.step))
        return self._session.initial_state() if state is None else state

    @property
    def _log_path(self):
        return self._folder / "metrics.jsonl"

    def _log(self, step, train_state):
        row = {"step": step.number, **step.metrics, "learning_rate": step.learning_rate}
        if step.held_out_psnr is not None:
            row["held_out_psnr"] = step.held_out_psnr
        row["seconds"] = round(time.perf_counter() - self._started, 3)
        storage.append_metrics(self._log_path, _finite(row))
        self._progress.update(step.number, row)
        if time.perf_counter() - self._saved_time >= self._config.save_seconds:
            self._save(step.number, train_state)

    def _save(self, number, train_state):
        saving.save(self._folder, train_state, self._model_record)
        self._saved_step, self._saved_time = number, time.perf_counter()


def _note_changes(before, now):
    before = Placement().counts | before  # records had no counts when there was one device
    for name, value in now.items():
        if before.get(name) != value:
            note(
                f"{name} was {before.get(name)} in an earlier part of the run and is {value} now: "
                "the result will not be bit-identical to an unbroken run's"
            )


def _finite(row):
    """Replace values that are not finite, which JSON lacks, by None."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in row.items()
    }
