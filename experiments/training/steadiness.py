"""How far losses leave what they were just before."""

import statistics


def loss_ratios(losses, *, window, least):
    """Divide each loss by the median of those before it.

    Parameters
    ----------
    losses : sequence of float
        Of each step, finite.
    window : int
        The median is of so many steps at most.
    least : int
        The first so many steps do not count, nor does the first twentieth of the run, in which
        learning rates warm up.

    Returns
    -------
    list of float
    """
    return [
        losses[step] / statistics.median(losses[max(step - window, 0) : step])
        for step in range(max(least, len(losses) // 20), len(losses))
    ]
