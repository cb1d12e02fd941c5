"""Stability of a training: spikes of its loss, and norms of its gradients."""

import math
import statistics

# The running median is over so many steps, and begins after so few: short runs have one too.
_WINDOW, _LEAST = 50, 10
_SPIKE = 2.0


def loss_ratios(losses, *, window, least):
    """Divide each loss by the running median before it.

    Parameters
    ----------
    losses : sequence of float
        Of each step, finite.
    window : int
        Steps that the median is taken over, at most.
    least : int
        First steps that do not count, nor does the first twentieth of the run, in which learning
        rates warm up.

    Returns
    -------
    list of float
    """
    return [
        losses[step] / statistics.median(losses[max(step - window, 0) : step])
        for step in range(max(least, len(losses) // 20), len(losses))
    ]


def largest_loss_ratio(losses):
    """Return the worst step's loss over the median of the 100 before it; None for a short run."""
    return max(loss_ratios(losses, window=100, least=100), default=None)


def stability(losses, norms, skipped):
    """Sum up a run.

    Parameters
    ----------
    losses, norms : sequence of float
        Of each step, the norms those of gradients before they are clipped.
    skipped : int
        Steps that were not finite.

    Returns
    -------
    dict
        What a record's ``stability`` holds. None where there are too few steps.
    """
    losses, norms = ([value for value in row if math.isfinite(value)] for row in (losses, norms))
    ratios = loss_ratios(losses, window=_WINDOW, least=_LEAST)
    return {
        "spikes": sum(ratio > _SPIKE for ratio in ratios),
        "largest_loss_ratio": max(ratios, default=None),
        "skipped_steps": skipped,
        "gradient_norm_median": statistics.median(norms) if norms else None,
        "gradient_norm_highest": max(norms, default=None),
    }


def steps_to(curve):
    """Find the first measured step with a PSNR of held-out crops of each whole number of dB."""
    found = {}
    for row in curve:
        psnr = row["held_out_psnr"]
        if psnr is not None:
            reached = range(_LOWEST_DB, math.floor(psnr) + 1)
            found |= {str(db): row["step"] for db in reached if str(db) not in found}
    return found


_LOWEST_DB = 10
