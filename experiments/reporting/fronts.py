"""Pareto fronts: which runs no other run beats in both quality and cost."""


def front(points):
    """List the points that no other beats.

    Parameters
    ----------
    points : sequence of (float, float)
        Cost, where less is better, and quality, where more is.

    Returns
    -------
    list of int
        Indices by rising cost and rising quality; of equal points the first.
    """
    order = sorted(range(len(points)), key=lambda index: (points[index][0], -points[index][1]))
    kept, best = [], float("-inf")
    for index in order:
        if points[index][1] > best:
            kept.append(index)
            best = points[index][1]
    return kept
