"""One training run: from images to checkpoints, then to tables and figures."""

import hashlib
import json
import math
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import jax

import fnnet as fn
from experiments.cli import console
from experiments.cli.commands import note
from experiments.cli.progress import TrainingProgress
from experiments.evaluation import figures, tables
from experiments.evaluation.pairs import Pair, load_pairs
from experiments.evaluation.scores import cost, outcome, score_all
from experiments.images import check_patch
from experiments.networks import architectures, configs
from experiments.networks.codec import is_codec, with_tables
from experiments.networks.tasks import TASKS, Task, make_loss
from experiments.runs import recipes, records, run, saving
from experiments.system import storage
from experiments.system.environment import environment
from experiments.system.errors import RunError
from experiments.training import multihost
from experiments.training.batches import INIT, TRAIN, WATCHES, make_batches, watched_batch
from experiments.training.devices import Placement
from experiments.training.steadiness import loss_ratios
from fnnet.train import evaluate, fit, init_state, make_step

try:
    import resource
except ImportError:  # Windows has no such module
    resource = None

_MEASURED_TRAINING = 64  # training images, whose mean only shows the gap to the held-out ones


@dataclass(frozen=True, eq=False)
class _Job:
    """What a run works with, made from its options."""

    folder: Path
    config: dict
    task: Task
    pairs: list[Pair]
    model: fn.Layer
    model_record: dict
    placement: Placement

    def side(self, *names):
        """Pairs on one of the sides."""
        return [pair for pair in self.pairs if pair.side in names]

    @property
    def watched(self):
        """Pairs that the held-out curve is measured on: validation, where the split has one."""
        return self.side("validation") or self.side("test")


def load_training_pairs(config):
    """Read the images that a run's options name, and check that the patch fits into them."""
    pairs = load_pairs(
        config["data"],
        config["quality"],
        seed=config["seed"],
        downscale=config["downscale"],
    )
    images = [pair.image for pair in pairs if pair.side == "train"]
    check_patch(images, config["patch"], config["grid"])
    return pairs


def train_run(folder, config, model_config, pairs, placement, started):
    """Train, from where the run's checkpoint is, to the end, and report.

    Parameters
    ----------
    folder : Path
        The run's, which this process has locked.
    config : dict
        The training command's options.
    model_config : dataclass
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
    model = architectures.build(model_config)
    task = TASKS[config["task"]]
    record = configs.to_json(model_config)
    job = _Job(folder, config, task, pairs, model, record, placement)
    first = multihost.is_first()
    record = multihost.together(lambda: _start_record(job) if first else None)
    train_state, timing = _train(job, started)
    multihost.leave()
    if int(train_state.step) < config["steps"]:
        raise KeyboardInterrupt
    if first:
        _report(job, record, train_state, timing, started)


def digest(pairs):
    """Tell images and their sides by a text that no others have."""
    return hashlib.sha256(json.dumps([_image_record(pair) for pair in pairs]).encode()).hexdigest()


def _start_record(job):
    """Write what the run is made of; if it is resumed, add to what is there."""
    path, here = job.folder / "record.json", environment() | job.placement.counts
    record = {
        "seed": job.config["seed"],
        "model": job.model_record,
        "pictures": [_image_record(pair) for pair in job.pairs],
        "sessions": [],
    }
    if path.exists():
        before = records.read_record(job.folder)
        if before["pictures"] != record["pictures"]:
            raise RunError(f"{path}: the images are not those that the run began with")
        for session in before["sessions"]:
            _note_changes(session["environment"], here)
        record = before
    record["sessions"].append({"environment": here})
    storage.write_json(path, record)
    return record


def _image_record(pair):
    """Tell an image by name and pixels, and what it looks like, to find it in other sets."""
    image = pair.image
    return {
        "name": image.name,
        "sha256": image.sha256,
        "fingerprint": image.fingerprint,
        "side": pair.side,
    }


def _note_changes(before, now):
    before = Placement().counts | before  # records had no counts when there was one device
    for name, value in now.items():
        if before.get(name) != value:
            note(
                f"{name} was {before.get(name)} in an earlier part of the run and is {value} now: "
                "the result will not be bit-identical to an unbroken run's"
            )


def _train(job, started):
    """Do the steps that are left; give the state and what they cost."""
    config, log = job.config, job.folder / "metrics.jsonl"
    key = jax.random.key(config["seed"])
    recipe = recipes.recipe_of(config)
    optimizer, schedule = recipes.make_optimizer(recipe), jax.jit(recipes.make_schedule(recipe))
    placement, rows = job.placement, job.placement.rows(config["batch"])
    writes = multihost.is_first()
    train_state = multihost.together(lambda: _initial_state(job, optimizer, key, writes))
    train_state = placement.replicated(multihost.from_first(train_state))
    first = at = int(train_state.step)
    if writes:
        storage.cut_metrics(log, first)
    loss = make_loss(job.model, config["loss"])
    steps, seed = config["steps"], config["seed"]
    cut = make_batches(job.task, job.side("train"), recipe, seed=seed, rows=rows)
    watched = watched_batch(job.task, job.watched, seed=seed)
    every, saved = math.ceil(steps / WATCHES), (first, time.perf_counter())
    timing = {"seconds_to_first_step": time.perf_counter() - started}

    def batches(number):
        return placement.sharded(cut(number), config["batch"])

    def on_step(number, train_state, metrics):
        nonlocal at
        at = number
        if writes:
            write(number, train_state, metrics)

    def write(number, train_state, metrics):
        row = {"step": number, **metrics, "learning_rate": float(schedule(number - 1))}
        if number % every == 0 or number == steps:
            params, state = placement.local((train_state.params, train_state.state))
            seen = evaluate(loss, params, state, watched)
            row["held_out_psnr"] = float(seen["psnr"])
        row["seconds"] = round(time.perf_counter() - started, 3)
        storage.append_metrics(log, _finite(row))
        progress.update(number, row)
        if time.perf_counter() - saved[1] >= config["save_seconds"]:
            save(number, train_state)

    def save(number, train_state):
        nonlocal saved
        saving.save(job.folder, train_state, job.model_record)
        saved = number, time.perf_counter()

    pixels = config["batch"] * config["patch"] ** 2
    with multihost.stop_requests() as stop, TrainingProgress(first, steps, pixels) as progress:
        train_state, spent = fit(
            train_state,
            multihost.ending(placement.compiled(make_step(loss, optimizer))),
            batches,
            placement.replicated(jax.random.fold_in(key, TRAIN)),
            steps=steps,
            on_step=on_step,
            should_stop=lambda: stop(at),
        )
    number = int(train_state.step)
    if writes and number > saved[0]:
        save(number, train_state)
    return placement.local(train_state), timing | spent._asdict()


def _initial_state(job, optimizer, key, from_folder):
    if from_folder and fn.checkpoint.newest_step(job.folder) is not None:
        train_state, _ = saving.restore(job.folder, job.model, optimizer, job.model_record)
        return train_state
    size = job.config["patch"]
    params, state = job.model.init(jax.random.fold_in(key, INIT), (size, size, 3))
    return init_state(params, state, optimizer)


def _finite(row):
    """JSON has no NaN: what is not finite is written as null."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in row.items()
    }


def _report(job, record, train_state, timing, started):
    """Measure whole images; print the table, draw the figures, complete the record."""
    train_state = _with_tables(job, train_state)
    apply = _run(job, record, train_state).apply()
    trained_on = job.side("train")[: 2 if job.config["tiny"] else _MEASURED_TRAINING]
    measured = job.side("test", "validation") + trained_on
    scores = score_all(apply, job.task, measured)
    rows = storage.read_metrics(job.folder / "metrics.jsonl")
    model_cost = cost(job.model)
    _draw(job, apply, rows)
    result = {
        "scores": [asdict(score) for score in scores],
        "cost": asdict(model_cost),
        "skipped_steps": int(train_state.skipped),
        "largest_loss_ratio": largest_loss_ratio([row["loss"] for row in rows if row["finite"]]),
    }
    session = record["sessions"][-1]
    session["timing"] = timing | {"total_seconds": time.perf_counter() - started}
    session["peak_memory_mb"] = peak_memory_mb()
    storage.write_json(job.folder / "record.json", record | {"result": result})
    terminal = console.terminal()
    quality, downscale = job.config["quality"], job.config["downscale"]
    terminal.print(tables.score_table(scores, job.task, quality, downscale=downscale))
    for line in [
        *tables.cost_lines(model_cost),
        *_time_lines(session),
        *_trouble_lines(result),
        f"written to {job.folder}",
    ]:
        terminal.print(line, soft_wrap=True)


def _with_tables(job, train_state):
    """Make the coder's tables, where the latents are coded, and save them."""
    if not is_codec(job.model):
        return train_state
    images = (pair.original for pair in job.side("train"))
    state = with_tables(job.model, train_state.params, train_state.state, images)
    train_state = train_state._replace(state=state)
    saving.save(job.folder, train_state, job.model_record)
    return train_state


def _run(job, record, train_state):
    _, params, state, *_ = train_state
    step = int(train_state.step)
    return run.Run(job.folder, job.config, record, job.task, job.model, params, state, step)


def _draw(job, apply, rows):
    label = f"held-out crops ({job.watched[0].side})"
    storage.write_bytes(job.folder / "curves.png", figures.curves(rows, held_out=label))
    shown = job.side("test", "validation")[: 2 if job.config["tiny"] else 4]
    outcomes = [outcome(apply, job.task, pair) for pair in shown]
    images = figures.comparison(shown, outcomes, job.task, job.config["quality"])
    storage.write_bytes(job.folder / "comparison.png", images)


def _time_lines(session):
    timing, memory = session["timing"], session["peak_memory_mb"]
    devices, joined = session["environment"]["devices"], session["environment"]["processes"]
    if devices > 1:
        yield f"devices                 {devices}" + (
            f" in {joined} processes" if joined > 1 else ""
        )
    if timing["steps"]:
        shares = {name: timing[name] / timing["seconds"] for name in ("stepped", "waited")}
        yield (
            f"training                {timing['seconds']:.0f} s for {timing['steps']} steps: "
            f"{shares['stepped']:.1%} in the compiled step, "
            f"{shares['waited']:.1%} waiting for images"
        )
        yield f"first step              {timing['seconds_to_first_step']:.1f} s after the start"
    yield f"all                     {timing['total_seconds']:.0f} s" + (
        f", peak memory {memory:,.0f} MB" if memory else ""
    )


def _trouble_lines(result):
    spike = result["largest_loss_ratio"]
    if spike is not None:
        yield f"steadiness              no loss above {spike:.2f} times its running median"
    if result["skipped_steps"]:
        yield f"skipped                 {result['skipped_steps']} steps that were not finite"


def largest_loss_ratio(losses):
    """Find the worst step: its loss over the median of the 100 before it; None for a short run."""
    return max(loss_ratios(losses, window=100, least=100), default=None)


def peak_memory_mb():
    """Tell the process's largest resident memory so far, in megabytes; None on Windows."""
    if resource is None:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
