"""Effects of a choice on a measure, all else equal: paired bootstrap intervals."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm, t

from experiments.reporting.measures import RUN

RESAMPLES = 2000
LEVEL = 0.95


@dataclass(frozen=True)
class Effect:
    """The difference that a value makes against another one, mean over seeds and images.

    `low` and `high` are its 95 % interval, None with one seed. `images` is 0 for a measure of
    whole runs; `left_out` counts images without a finite value.
    """

    difference: float
    low: float | None
    high: float | None
    seeds: tuple[int, ...]
    images: int
    left_out: int

    @property
    def is_difference(self):
        """Whether there is an interval and 0 is outside of it."""
        return self.low is not None and not self.low <= 0 <= self.high


def finished(runs):
    """Pick the runs that did not diverge, by seed."""
    return {seed: run for seed, run in runs.items() if run.status == "finished"}


def effect(value, baseline, measure):
    """Measure what `value` changes against `baseline`.

    Runs are paired by seed and images by name and rate, so that an image that is hard for both
    or a seed that is lucky for both cancels.

    Parameters
    ----------
    value, baseline : dict of int to Record
        By seed; diverged ones are passed over.
    measure : Measure

    Returns
    -------
    Effect or None
        None if no pair of runs has the measure.
    """
    value, baseline = finished(value), finished(baseline)
    pairs = {
        seed: paired
        for seed in sorted(value.keys() & baseline.keys())
        if (paired := _differences(measure.parts(value[seed]), measure.parts(baseline[seed])))
    }
    if not pairs:
        return None
    blocks, images, left_out = [], 0, 0
    for index, (sign, _) in enumerate(next(iter(pairs.values()))):
        found = _matrix([paired[index][1] for paired in pairs.values()])
        if found is None:
            return None
        matrix, counted, lost = found
        blocks.append((sign, matrix))
        images, left_out = images + counted, left_out + lost
    low, high = interval(blocks)
    difference = sum(sign * float(matrix.mean()) for sign, matrix in blocks)
    return Effect(difference, low, high, tuple(pairs), images, left_out)


def _matrix(rows):
    """Arrange differences by image, a dict a seed: a row a seed and a column an image.

    Training images can be each seed's own: then there is one column, of the seeds' means.

    Returns
    -------
    (ndarray, int, int) or None
        With how many images each seed has in it, and how many have no finite value; None if
        nothing is left.
    """
    names = sorted(set(rows[0]).intersection(*rows))
    is_common = 2 * len(names) >= min(map(len, rows))
    values = [[row[name] for name in (names if is_common else row)] for row in rows]
    if is_common:
        matrix = np.array(values, np.float64)
        known = np.isfinite(matrix).all(0)
        counted = 0 if names == [RUN] else int(known.sum())
        return (matrix[:, known], counted, int((~known).sum())) if known.any() else None
    finite = [[value for value in row if math.isfinite(value)] for row in values]
    if not all(finite):
        return None
    matrix = np.array([[np.mean(row)] for row in finite])
    lost = sum(map(len, values)) - sum(map(len, finite))
    return matrix, min(map(len, finite)), lost


def _differences(value, baseline):
    """Subtract what both have, mean over the rates of each image; None if a part has nothing."""
    found = []
    for (sign, ours), (_, theirs) in zip(value, baseline, strict=True):
        by_image = {}
        for key in ours.keys() & theirs.keys():
            if ours[key] is not None and theirs[key] is not None:
                by_image.setdefault(key[0], []).append(ours[key] - theirs[key])
        if not by_image:
            return None
        found.append((sign, {name: float(np.mean(all_)) for name, all_ in by_image.items()}))
    return found


def interval(blocks, *, resamples=RESAMPLES, seed=0):
    """Bootstrap the interval of a mean over seeds and images, resampling both.

    Parameters
    ----------
    blocks : list of (float, ndarray (S, P))
        Paired differences, a row a seed and a column an image; what is estimated is the sum of
        the means with these signs. All have the same seeds.

    Returns
    -------
    tuple of float
        The 2.5 and 97.5 percentiles; None and None with one seed.

    Notes
    -----
    Resampling n values gives too narrow an interval, for three seeds no wider than from the least
    to the greatest, which leaves the truth out one time in four. So what a seed or an image adds
    to the mean is first stretched by ``sqrt(n / (n - 1))`` and by the ratio of Student's quantile
    to the normal one.

    References
    ----------
    The narrowness: Hesterberg 2015, doi:10.1080/00031305.2015.1089789.
    """
    seeds = blocks[0][1].shape[0]
    if seeds < 2:
        return None, None
    generator = np.random.default_rng(seed)
    rows = _weights(generator, seeds, resamples)
    total = np.zeros(resamples)
    for sign, matrix in blocks:
        columns = _weights(generator, matrix.shape[1], resamples)
        total += sign * ((rows @ _stretched(matrix)) * columns).sum(1)
    tail = 100 * (1 - LEVEL) / 2
    low, high = np.percentile(total, [tail, 100 - tail])
    return float(low), float(high)


def _weights(generator, count, resamples):
    return generator.multinomial(count, np.full(count, 1 / count), size=resamples) / count


def _stretched(matrix):
    mean = matrix.mean()
    by_seed = matrix.mean(1, keepdims=True) - mean
    by_image = matrix.mean(0, keepdims=True) - mean
    rows, columns = (_stretch(count) - 1 for count in matrix.shape)
    return matrix + rows * by_seed + columns * by_image


def _stretch(count):
    if count < 2:
        return 1.0
    tail = (1 - LEVEL) / 2
    return math.sqrt(count / (count - 1)) * t.ppf(tail, count - 1) / norm.ppf(tail)
