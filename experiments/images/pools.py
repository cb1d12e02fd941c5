"""Which images of a large set are in memory at a training step."""

import numpy as np

from experiments.images.store import STORE_BYTES

PURPOSE = 0x706F6F6C
# The rest of the store is for images that are measured between steps.
POOL_BYTES = 3 * STORE_BYTES // 4


def pool(sizes, *, seed, step, limit=POOL_BYTES):
    """Choose the images that a step may draw from, a pure function of (seed, step).

    All of them where they fit into `limit`. Else they are put in a seeded order, a new one each
    time all were in, and a window of what fits begins one image later at each step: a step costs
    the reading of one image or so, however large the set.

    Parameters
    ----------
    sizes : sequence of int
        Bytes of each image in memory.
    seed, step : int
        Not negative.
    limit : int
        Bytes. One image is chosen even if it alone is larger.

    Returns
    -------
    tuple of int
        Indices into `sizes`, each once.
    """
    count = len(sizes)
    if sum(sizes) <= limit:
        return tuple(range(count))
    current = step // count
    order = np.concatenate([_order(count, seed, number) for number in (current, current + 1)])
    start = step - current * count
    ahead = list(dict.fromkeys(order[start : start + count].tolist()))
    length = int(np.searchsorted(np.cumsum([sizes[index] for index in ahead]), limit, "right"))
    return tuple(ahead[: max(1, length)])


def _order(count, seed, number):
    # Raw bits, which NumPy keeps the same in all releases, and not Generator.permutation.
    generator = np.random.default_rng([seed, PURPOSE, number]).bit_generator
    return np.argsort(generator.random_raw(count), kind="stable")
