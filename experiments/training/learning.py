"""Training in memory: a trial's steps, and what was seen on the way."""

import math
import time
from dataclasses import dataclass, field

import jax

from experiments.training.batches import TRAIN, WATCHES, make_batches, watched_batch
from experiments.training.stability import CurveRow
from fnnet import trees
from fnnet.train import NotFiniteError, TrainState, evaluate, fit, init_state


@dataclass(eq=False)
class Learned:
    """What training gave: `train_state` is None if it was given up.

    `seconds` are those of all steps but the first, which compiles.
    """

    train_state: TrainState | None = None
    steps: int = 0
    seconds: float = 0.0
    skipped: int = 0
    curve: list[CurveRow] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    norms: list[float] = field(default_factory=list)

    @property
    def is_finite(self):
        """Whether it was not given up, and what it ended with can be used."""
        if self.train_state is None or self.curve[-1].held_out_psnr is None:
            return False
        _, params, state, *_ = self.train_state
        return bool(trees.all_finite((params, state)))


def learn(programs, weights, trial, pairs, watched, key):
    """Train.

    Parameters
    ----------
    programs : Programs
    weights : (dict, dict)
        The model's first params and state.
    trial : Trial
    pairs, watched : sequence of Pair
        To cut batches from, and the crops that the curve is measured on.
    key : key
        The trial's.

    Returns
    -------
    Learned
    """
    recipe = trial.options
    # The same crops in every trial, whatever its seed is.
    log = _Log(programs, recipe.steps, watched_batch(programs.task, watched, seed=0))
    log.measure(*weights)  # compiles, and so no step waits for it
    batches = make_batches(programs.task, pairs, recipe, seed=trial.seed)
    try:
        log.learned.train_state, _ = fit(
            init_state(*weights, programs.optimizer),
            programs.step,
            batches,
            jax.random.fold_in(key, TRAIN),
            steps=recipe.steps,
            on_step=log.on_step,
        )
    except NotFiniteError:
        log.count_last()
    return log.learned


class _Log:
    """What is noted at each step."""

    def __init__(self, programs, steps, watched):
        self.learned = Learned()
        self._programs, self._watched = programs, watched
        self._every, self._steps = math.ceil(steps / WATCHES), steps
        self._last = None

    def on_step(self, number, train_state, metrics):
        now, learned = time.perf_counter(), self.learned
        if self._last is not None:
            learned.seconds += now - self._last
        learned.steps = number
        learned.skipped += not metrics["finite"]
        learned.losses.append(metrics["loss"])
        learned.norms.append(metrics["gradient_norm"])
        if number % self._every == 0 or number == self._steps:
            held_out = self.measure(train_state.params, train_state.state)
            learned.curve.append(self._row(number, metrics, held_out))
        self._last = time.perf_counter()

    def measure(self, params, state):
        seen = evaluate(self._programs.loss, params, state, self._watched)
        return float(seen["psnr"])

    def count_last(self):
        """Count the step at which training was given up, which nothing else tells of."""
        self.learned.steps += 1
        self.learned.skipped += 1

    def _row(self, number, metrics, held_out):
        return CurveRow(
            step=number,
            loss=_finite(metrics["loss"]),
            psnr=_finite(metrics["psnr"]),
            held_out_psnr=_finite(held_out),
            gradient_norm=_finite(metrics["gradient_norm"]),
            learning_rate=_finite(float(self._programs.schedule(number - 1))),
            seconds=round(self.learned.seconds, 4),
        )


def _finite(value):
    return value if math.isfinite(value) else None
