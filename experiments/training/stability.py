"""Training history: the curve, the stability of losses and gradients, the steps to a quality."""

import math
import statistics
from dataclasses import dataclass

# The running median is over so many steps, and begins after so few: short runs have one too.
_WINDOW, _LEAST = 50, 10
_SPIKE = 2.0
_LOWEST_DB = 10


@dataclass(frozen=True, kw_only=True)
class CurveRow:
    """One measured step of a training; None for values that are not finite."""

    step: int
    loss: float | None
    psnr: float | None  # of the batch, in dB
    held_out_psnr: float | None  # of fixed crops of held-out images
    gradient_norm: float | None  # before clipping
    learning_rate: float | None
    seconds: float | None  # since the first step


@dataclass(frozen=True, kw_only=True)
class Stability:
    """Stability of a training; None where there are too few steps."""

    spikes: int  # steps whose loss was over twice its running median
    largest_loss_ratio: float | None
    skipped_steps: int  # not finite
    gradient_norm_median: float | None
    gradient_norm_highest: float | None


@dataclass(frozen=True, kw_only=True)
class History:
    """History of a training."""

    seconds: float | None  # without compilation; None if it went on on another kind of machine
    curve: tuple[CurveRow, ...]
    steps_to: dict[str, int]  # "22": the first measured step with that PSNR of held-out crops
    stability: Stability


def loss_ratios(losses, *, window, least):
    """Divide each finite loss by the median of at most `window` before it.

    The first `least` steps do not count, nor the first twentieth, in which learning rates warm up.
    """
    return [
        losses[step] / statistics.median(losses[max(step - window, 0) : step])
        for step in range(max(least, len(losses) // 20), len(losses))
    ]


def largest_loss_ratio(losses):
    """Return the worst step's loss over the median of the 100 before it; None for a short run."""
    return max(loss_ratios(losses, window=100, least=100), default=None)


def stability(losses, norms, skipped):
    """Summarise a training by losses, gradient norms before clipping, and skipped steps."""
    losses, norms = ([value for value in row if math.isfinite(value)] for row in (losses, norms))
    ratios = loss_ratios(losses, window=_WINDOW, least=_LEAST)
    return Stability(
        spikes=sum(ratio > _SPIKE for ratio in ratios),
        largest_loss_ratio=max(ratios, default=None),
        skipped_steps=skipped,
        gradient_norm_median=statistics.median(norms) if norms else None,
        gradient_norm_highest=max(norms, default=None),
    )


def steps_to(curve):
    """Find the first measured step whose held-out PSNR reaches each integer of dB, from 10 dB."""
    steps = {}
    for row in curve:
        if row.held_out_psnr is not None:
            for db in range(_LOWEST_DB, math.floor(row.held_out_psnr) + 1):
                steps.setdefault(str(db), row.step)
    return steps
