"""Training in memory: the outcome of a trial's session."""

import math
from dataclasses import dataclass, field

from experiments.training.batches import watched_batch
from experiments.training.session import Session
from experiments.training.stability import CurveRow
from fnnet import trees
from fnnet.train import NotFiniteError, TrainState


@dataclass(eq=False)
class Learned:
    """Outcome of a trial's training; `train_state` is None if it was given up.

    `seconds` are those of all steps but the first, which compiles; `losses` and `norms` are of each
    step, `curve` of those after which held-out crops were measured.
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
        """Whether training ended, with parameters and measurements that are finite."""
        if self.train_state is None or self.curve[-1].held_out_psnr is None:
            return False
        _, params, state, *_ = self.train_state
        return bool(trees.all_finite((params, state)))

    def log(self, step, train_state):
        """Append the metrics of a step."""
        self.steps = step.number
        self.seconds += step.seconds if step.number > 1 else 0.0
        self.skipped += not step.metrics["finite"]
        self.losses.append(step.metrics["loss"])
        self.norms.append(step.metrics["gradient_norm"])
        if step.held_out_psnr is not None:
            self.curve.append(_curve_row(step, self.seconds))


def learn(programs, trial, pairs, watched):
    """Train a trial on batches of `pairs`; measure its curve on crops of the pairs `watched`."""
    # The same crops in every trial, whatever its seed is.
    crops = watched_batch(programs.task, watched, seed=0)
    session, learned = Session(programs, seed=trial.seed, crops=crops), Learned()
    first = session.initial_state()
    session.measure(first)  # compiles, so that no step waits for it
    try:
        learned.train_state, _ = session.train(first, pairs, on_step=learned.log)
    except NotFiniteError:  # at a step that was not logged
        learned.steps += 1
        learned.skipped += 1
    return learned


def _curve_row(step, seconds):
    return CurveRow(
        step=step.number,
        loss=_finite(step.metrics["loss"]),
        psnr=_finite(step.metrics["psnr"]),
        held_out_psnr=_finite(step.held_out_psnr),
        gradient_norm=_finite(step.metrics["gradient_norm"]),
        learning_rate=_finite(step.learning_rate),
        seconds=round(seconds, 4),
    )


def _finite(value):
    return value if math.isfinite(value) else None
