"""Training: a pure compiled step, and the loop that runs it on batches."""

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


_LARGE = 1e12  # gradient norm from which sums of its squares could overflow float32


class TrainState(NamedTuple):
    """Everything that a training step changes: a pytree of arrays.

    `step` counts the batches seen and `skipped` those whose update was skipped, both int32 scalars;
    the rest are the model's and the optimiser's trees.
    """

    step: jax.Array
    params: Any
    state: Any
    opt_state: Any
    skipped: jax.Array


class NotFiniteError(ArithmeticError):
    """Raised when too many steps in a row had a loss or gradient that is not finite."""


def init_state(params, state, optimizer):
    """Build the `TrainState` of step 0 from a model's `params` and `state`."""
    # Copies, since the step is donated its state's buffers, and no buffer may appear twice.
    params, state = jax.tree.map(jnp.copy, (params, state))
    step, skipped = jnp.zeros((), jnp.int32), jnp.zeros((), jnp.int32)
    return TrainState(step, params, state, optimizer.init(params), skipped)


def make_step(loss, optimizer):
    """Compile one training step.

    Parameters
    ----------
    loss : callable
        ``(params, state, batch, key) -> (scalar, (state, metrics))``, `metrics` a dict of scalars.
        The new model and optimiser states have the structure and dtypes of the old ones.
    optimizer : Optimizer

    Returns
    -------
    callable
        ``(train_state, batch, key) -> (train_state, metrics)``. The old state's buffers are
        donated: it must not be used again. Pass the run's key in every call; the step's number is
        folded into it. `metrics` are those of the loss, and `loss`, `gradient_norm` and the boolean
        `finite`.

    Raises
    ------
    TypeError
        If `optimizer` is not an `Optimizer`, such as a constructor that was not called.

    Notes
    -----
    If the loss, the gradient, the new model state or the new optimiser state is not finite,
    `params`, `state` and `opt_state` stay as they were; `step` still increases, so that the next
    batch is another one, and so does `skipped`. The new optimiser state is checked only if the
    gradient's norm is 1e12 or more: no method of `fnnet.optim` stores more than some thousand times
    a gradient's square, and checking all moments at every step would cost as much as the update.
    Wrap an optimiser whose state can overflow with smaller gradients in
    `fnnet.optim.skip_not_finite`.
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

        finite = trees.all_finite((value, norm, new_state))
        finite, new = _update_if_finite(update, (params, state, opt_state), finite, norm)
        metrics = metrics | {"loss": value, "gradient_norm": norm, "finite": finite}
        return TrainState(number + 1, *new, jnp.where(finite, skipped, skipped + 1)), metrics

    return step


def _update_if_finite(update, old, finite, norm):
    """Return whether the step is finite, and the updated trees, or the `old` ones if it is not.

    The new optimiser state is checked only if the gradient's `norm` is large.
    """
    finite = finite & jax.lax.cond(
        norm < _LARGE,
        lambda: jnp.array(True),
        lambda: trees.all_finite(update(*old)[2]),
    )
    # Not a selection: this way new values are written into the old values' buffers.
    return finite, jax.lax.cond(finite, update, lambda *old: old, *old)


@partial(jax.jit, static_argnums=0)
def evaluate(loss, params, state, batch):
    """Compute a batch's metrics without training: `loss` is called with ``key=None``.

    Returns the loss's metrics and `loss` as a dict of scalar arrays. Compiled once per `loss` and
    shape.
    """
    value, (_, metrics) = loss(params, state, batch, None)
    return metrics | {"loss": value}


class FitReport(NamedTuple):
    """Steps done by a call of `fit`, and where its time went, in seconds.

    Of `seconds` in total, the loop spent `waited` waiting for batches and `stepped` in the compiled
    step, compilation included; the rest went to `on_step`.
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
        State to start from; its buffers are donated.
    step : callable
        Built by `make_step`.
    batches : callable
        ``number -> batch``, a pure function of the step's number, called on another thread a few
        steps ahead. JAX arrays stay on their devices, for example sharded over several.
    key : key
        The run's key for training; each step's number is folded into it.
    steps : int
        The step number at which to stop, not the number of further steps.
    on_step : callable
        ``(number, train_state, metrics)`` after each step, `metrics` as Python numbers, `number`
        counting from 1. The state must not be used after the function returns.
    should_stop : callable
        Called before each step; True ends the training early.
    patience : int
        Number of consecutive steps that are not finite at which to give up, at least 1.

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
    number = int(train_state.step)
    began = time.perf_counter()
    report, bad_in_a_row = FitReport(0, 0.0, 0.0, 0.0, 0.0), 0
    with _Prefetch(batches, number, steps) as prefetch:
        while number < steps and not should_stop():
            batch, waited = _timed(prefetch.get)
            (train_state, metrics), stepped = _timed(_run_step, step, train_state, batch, key)
            number += 1
            report = _extended(report, waited, stepped)
            bad_in_a_row = 0 if metrics["finite"] else bad_in_a_row + 1
            if bad_in_a_row >= patience:
                raise NotFiniteError(
                    f"loss or gradients were not finite in {patience} steps in a row, up to step "
                    f"{number}; none of them was applied. A smaller learning rate may help"
                )
            on_step(number, train_state, metrics)
    return train_state, report._replace(seconds=time.perf_counter() - began)


def _timed(function, *args):
    began = time.perf_counter()
    result = function(*args)
    return result, time.perf_counter() - began


def _run_step(step, *args):
    """Run a step to its end; return the new state, and the metrics as Python numbers."""
    train_state, metrics = step(*args)
    return train_state, {name: x.item() for name, x in jax.device_get(metrics).items()}


def _extended(report, waited, stepped):
    return report._replace(
        steps=report.steps + 1,
        waited=report.waited + waited,
        stepped=report.stepped + stepped,
        slowest_step=max(report.slowest_step, stepped),
    )


def _on_device(leaf):
    """Place a leaf on the default device unless it is a JAX array, which may be sharded already."""
    return leaf if isinstance(leaf, jax.Array) else jax.device_put(leaf)


class _Prefetch:
    """Batches computed ahead on a thread, in order; `get` raises the thread's exceptions."""

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
        except BaseException as error:  # raised by `get`, in the loop's thread
            self._put((None, error))

    def _put(self, item):
        """Wait for room in the queue and return whether the item was put: not if the loop ended."""
        while not self._closed.is_set():
            try:
                self._queue.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False
