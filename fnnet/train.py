"""The training loop: a pure compiled step, and the loop that feeds it."""

import operator
import queue
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from fnnet import trees
from fnnet.core import require
from fnnet.optim import apply_updates
from fnnet.optim.optimizer import require_optimizer

__all__ = [
    "FitReport",
    "NotFiniteError",
    "TrainState",
    "evaluate",
    "fit",
    "init_state",
    "make_step",
]


_LARGE = 1e12  # a gradient's norm from which a memory of its squares could leave float32's range


class TrainState(NamedTuple):
    """All that a step changes: a pytree of arrays.

    `step` counts batches seen and `skipped` those among them whose update was left out, both
    int32 scalars; the rest are the model's and the optimiser's trees.
    """

    step: jax.Array
    params: Any
    state: Any
    opt_state: Any
    skipped: jax.Array


class NotFiniteError(ArithmeticError):
    """Too many steps in a row had a loss or a gradient that is not finite."""


def init_state(params, state, optimizer):
    """Start training at step 0 from a model's `params` and `state`."""
    # Copies, since the step takes its state's buffers, and a buffer must not appear twice.
    params, state = jax.tree.map(jnp.copy, (params, state))
    step, skipped = jnp.zeros((), jnp.int32), jnp.zeros((), jnp.int32)
    return TrainState(step, params, state, optimizer.init(params), skipped)


def make_step(loss, optimizer):
    """Compile one training step.

    Parameters
    ----------
    loss : callable
        ``(params, state, batch, key) -> (scalar, (state, metrics))``, `metrics` a dict of scalars.
        The new state, and what the optimiser keeps, have the old ones' structure and dtypes.
    optimizer : Optimizer

    Returns
    -------
    callable
        ``(train_state, batch, key) -> (train_state, metrics)``. The old state's buffers are
        donated: it must not be used again. `key` is the run's key; the number of the step is
        folded into it, so that every call of a run gets the same one. `metrics` are the loss's
        with `loss`, `gradient_norm` and the boolean `finite`.

    Raises
    ------
    TypeError
        If `optimizer` is none, such as a constructor that was not called.

    Notes
    -----
    Where the loss, a gradient, or what would be kept of them is not finite, `params`, `state` and
    `opt_state` stay as they were; `step` moves on, so that the next batch is another one, and
    `skipped` counts. What an optimiser would keep is looked at only where the gradient's norm is
    1e12 or more: no method of `fnnet.optim` keeps more than some thousand times a gradient's
    square, and to look at every moment of every step would cost as much as the update. One that
    can leave what is finite with small gradients wants `fnnet.optim.skip_not_finite` around it.
    """
    require_optimizer("make_step", optimizer)
    gradient = jax.value_and_grad(loss, has_aux=True)

    @partial(jax.jit, donate_argnums=0)
    def step(train_state, batch, key):
        number, params, state, opt_state, skipped = train_state
        key = jax.random.fold_in(key, number)
        (value, (new_state, metrics)), grads = gradient(params, state, batch, key)
        norm = trees.global_norm(grads)

        def update(params, state, opt_state):
            updates, opt_state = optimizer.update(grads, opt_state, params, number)
            return apply_updates(params, updates), new_state, opt_state

        finite = trees.all_finite((value, norm, new_state)) & jax.lax.cond(
            norm < _LARGE,
            lambda: jnp.array(True),
            lambda: trees.all_finite(update(params, state, opt_state)[2]),
        )
        # Not a selection: what is updated is then written where the old values stand.
        kept = jax.lax.cond(finite, update, lambda *old: old, params, state, opt_state)
        metrics = metrics | {"loss": value, "gradient_norm": norm, "finite": finite}
        return TrainState(number + 1, *kept, jnp.where(finite, skipped, skipped + 1)), metrics

    return step


@partial(jax.jit, static_argnums=0)
def evaluate(loss, params, state, batch):
    """Compute a batch's metrics without training: `loss` is called with ``key=None``.

    Returns the loss's metrics and `loss`, a dict of scalar arrays. Compiled once for each `loss`
    and shape.
    """
    value, (_, metrics) = loss(params, state, batch, None)
    return metrics | {"loss": value}


class FitReport(NamedTuple):
    """What a call of `fit` did: steps done, and where its time went, in seconds.

    Of `seconds` in all, the loop waited for batches for `waited` and was in the compiled step for
    `stepped`, its first compilation included; the rest went to `on_step`.
    """

    steps: int
    seconds: float
    waited: float
    stepped: float
    slowest_step: float


def fit(
    train_state,
    step: Callable,
    batches: Callable,
    key,
    *,
    steps,
    on_step: Callable = lambda number, train_state, metrics: None,
    should_stop: Callable = lambda: False,
    patience=5,
):
    """Train until step `steps`.

    Parameters
    ----------
    train_state : TrainState
        Where to start; its buffers are donated.
    step : callable
        Made by `make_step`.
    batches : callable
        ``number -> batch``, a pure function of the step's number, called on another thread a few
        steps ahead. Arrays of JAX stay where they are, such as in shares on several devices.
    key : key
        The run's key for training; the step's number is folded into it.
    steps : int
        The number at which to stop, not how many more to do.
    on_step : callable
        ``(number, train_state, metrics)`` after each step, `metrics` as Python numbers, `number`
        counting from 1. The state given is good until the function returns.
    should_stop : callable
        Asked after each step; True ends the call early.
    patience : int
        How many steps in a row may be not finite.

    Returns
    -------
    (TrainState, FitReport)

    Raises
    ------
    NotFiniteError
        After `patience` steps in a row that were not finite; none of them was applied.
    """
    require(patience >= 1, f"fit: patience={patience} must be at least 1")
    steps = operator.index(steps)
    first = number = int(train_state.step)
    began = time.perf_counter()
    waited = stepped = slowest = 0.0
    in_a_row = 0
    with _Prefetch(batches, first, steps) as prefetch:
        while number < steps and not should_stop():
            before = time.perf_counter()
            batch = prefetch.get()
            ready = time.perf_counter()
            train_state, metrics = step(train_state, batch, key)
            metrics = {name: value.item() for name, value in jax.device_get(metrics).items()}
            number += 1
            took = time.perf_counter() - ready
            waited, stepped, slowest = waited + ready - before, stepped + took, max(slowest, took)
            in_a_row = 0 if metrics["finite"] else in_a_row + 1
            if in_a_row >= patience:
                raise NotFiniteError(
                    f"loss or gradients were not finite in {patience} steps in a row, up to step "
                    f"{number}; none of them was applied. A smaller learning rate may help"
                )
            on_step(number, train_state, metrics)
    seconds = time.perf_counter() - began
    return train_state, FitReport(number - first, seconds, waited, stepped, slowest)


def _on_device(leaf):
    """Leave an array that is on devices where it is: they may be other processes' too."""
    return leaf if isinstance(leaf, jax.Array) else jax.device_put(leaf)


class _Prefetch:
    """Batches made ahead on a thread, in order; what goes wrong there is raised by `get`."""

    def __init__(self, batches, start, stop, ahead=4):
        self._queue = queue.Queue(ahead)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._fill, args=(batches, start, stop), daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._closed.set()
        self._thread.join()

    def get(self):
        batch, error = self._queue.get()
        if error is not None:
            raise error
        return batch

    def _fill(self, batches, start, stop):
        try:
            for number in range(start, stop):
                if not self._put((jax.tree.map(_on_device, batches(number)), None)):
                    return
        except BaseException as error:  # handed to the loop, which raises it
            self._put((None, error))

    def _put(self, item):
        """Wait for room in the queue; False if the loop has gone."""
        while not self._closed.is_set():
            try:
                self._queue.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False
