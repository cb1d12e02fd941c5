"""One training session: the compiled programs of a network, and the loop that runs them.

Runs, which write files and go on after a kill, and trials of a sweep, which stay in memory, are
both trained here; each gives a function that receives every step.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import jax

import fnnet as fn
from experiments.networks import architectures
from experiments.networks.losses import make_loss
from experiments.networks.tasks import Task
from experiments.runs.recipes import Recipe, make_optimizer, make_schedule
from experiments.training.batches import make_batches
from experiments.training.devices import Placement
from fnnet.train import TrainState, evaluate, fit, init_state, make_step

_INIT, _TRAIN = 0, 1  # purposes that keys are derived for
_MEASUREMENTS = 30  # times that held-out crops are measured in a training


@dataclass(frozen=True, eq=False)
class Programs:
    """Functions of one network and recipe, compiled once for all seeds."""

    task: Task
    recipe: Recipe
    model: fn.Layer
    loss: Callable
    optimizer: fn.optim.Optimizer
    schedule: Callable
    step: Callable


def build_programs(task, network, recipe):
    """Build the network, loss, optimiser, schedule and jitted step of a task and a recipe."""
    model = architectures.build(network)
    loss, optimizer = make_loss(model, recipe.loss), make_optimizer(recipe)
    schedule = jax.jit(make_schedule(recipe))
    return Programs(task, recipe, model, loss, optimizer, schedule, make_step(loss, optimizer))


@dataclass(frozen=True)
class Step:
    """One step of a training: its number from 1, and `make_step`'s metrics.

    `held_out_psnr` is in dB, on held-out crops after the step, or None where they were not
    measured; `seconds` leaves the measurement out.
    """

    number: int
    metrics: dict[str, float]
    learning_rate: float
    held_out_psnr: float | None
    seconds: float


class Session:
    """The training of one network from one seed.

    Parameters
    ----------
    crops : batch
        Held-out crops that are measured on the way.
    placement : Placement, optional
        The devices; without it JAX's default one.
    """

    def __init__(self, programs, *, seed, crops, placement=None):
        self.programs = programs
        self._seed, self._key = seed, jax.random.key(seed)
        self._crops, self._placement = crops, placement or Placement()
        self._every = math.ceil(programs.recipe.steps / _MEASUREMENTS)

    def initial_state(self) -> TrainState:
        """Return the state before the first step."""
        size = self.programs.recipe.patch
        key = jax.random.fold_in(self._key, _INIT)
        params, state = self.programs.model.init(key, (size, size, 3))
        return init_state(params, state, self.programs.optimizer)

    def train(self, train_state, pairs, *, on_step, guard=lambda step: step, should_stop=None):
        """Train to the recipe's last step.

        Parameters
        ----------
        train_state : TrainState
            Its buffers are donated.
        pairs : sequence of Pair
            To cut batches from.
        on_step : callable or None
            Receives ``(Step, train_state)`` after each step; None to measure nothing, as in the
            processes of a run that do not write.
        guard : callable
            Wraps the compiled step.
        should_stop : callable or None
            ``number -> bool``, asked after each step.

        Returns
        -------
        (TrainState, FitReport)

        Raises
        ------
        NotFiniteError
            If training was given up.
        """
        recipe, placement = self.programs.recipe, self._placement
        cut = make_batches(
            self.programs.task, pairs, recipe, seed=self._seed, rows=placement.rows(recipe.batch)
        )
        loop = _Loop(self, on_step, should_stop, int(train_state.step))
        return fit(
            train_state,
            guard(placement.compiled(self.programs.step)),
            lambda number: placement.sharded(cut(number), recipe.batch),
            placement.replicated(jax.random.fold_in(self._key, _TRAIN)),
            steps=recipe.steps,
            on_step=loop.on_step,
            should_stop=loop.should_stop,
        )

    def measures_at(self, number):
        """Return whether held-out crops are measured after a step."""
        return number % self._every == 0 or number == self.programs.recipe.steps

    def measure(self, train_state):
        """Return the PSNR of held-out crops in dB."""
        params, state = self._placement.local((train_state.params, train_state.state))
        return float(evaluate(self.programs.loss, params, state, self._crops)["psnr"])


class _Loop:
    """The callbacks of `fit`."""

    def __init__(self, session, on_step, should_stop, number):
        self._session, self._on_step, self._should_stop = session, on_step, should_stop
        self._number, self._last = number, time.perf_counter()

    def on_step(self, number, train_state, metrics):
        self._number, seconds = number, time.perf_counter() - self._last
        if self._on_step is not None:
            session = self._session
            measured = session.measure(train_state) if session.measures_at(number) else None
            rate = float(session.programs.schedule(number - 1))
            self._on_step(Step(number, metrics, rate, measured, seconds), train_state)
        self._last = time.perf_counter()

    def should_stop(self):
        return self._should_stop is not None and self._should_stop(self._number)
