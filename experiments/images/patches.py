"""Training batches of patches: which images, positions, turns and flips, by (seed, step)."""

from typing import Literal, get_args

import numpy as np

from experiments.images.errors import ImageError
from experiments.images.store import STORE_BYTES

BLOCK = 8  # size of JPEG's blocks in pixels
# Keep these two kinds of draws apart, and from others that a run draws from the same seed.
BATCH_PURPOSE, WINDOW_PURPOSE = 0x62617463, 0x706F6F6C
# Steps of Roberts' additive sequence, 1/g and 1/g² for g³ = g + 1, as fractions of 2**64: from any
# start they cover a square more evenly than independent draws.
SPREAD = np.array([13925035116211876495, 10511698010929265436], np.uint64)
# The rest of the store is for images that are measured between steps.
WINDOW_BYTES = 3 * STORE_BYTES // 4

Grid = Literal["any", "keep", "shift"]


def check_patch(images, patch, grid="any"):
    """Raise unless a square of `patch` pixels fits into every image; `grid` as for `sample_batch`.

    `ImageError` names the smallest image and the largest patch that fits it; `patch` below 1 is a
    `ValueError`.
    """
    if patch < 1:
        raise ValueError(f"--patch {patch}: must be at least 1")
    smallest = min(images, key=lambda image: min(image.shape[:2]), default=None)
    if smallest is None:
        return
    height, width, _ = smallest.shape
    largest = min(height, width) - (BLOCK - 1 if grid == "shift" else 0)
    if largest < patch:
        shifted = " that is shifted by up to 7" if grid == "shift" else ""
        raise ImageError(
            f"{smallest.path or smallest.name}: {width}x{height} pixels is smaller than the patch "
            f"of {patch}{shifted}: leave it out, or take --patch {largest} or less"
        )


def sampling_window(sizes, *, seed, step, limit=WINDOW_BYTES):
    """Choose the images that a step may draw from, a pure function of (seed, step).

    All of them if their `sizes` in bytes fit into `limit`. Else the images are put in a seeded
    order, a new one each time all have been in, and a window of as many as fit, at least one, moves
    on by one image per step: a step costs the reading of about one image, however large the set.
    Returns indices into `sizes`, each once.
    """
    count = len(sizes)
    if sum(sizes) <= limit:
        return tuple(range(count))
    current, start = divmod(step, count)
    bits = [
        _random_bits([seed, WINDOW_PURPOSE, number], count) for number in (current, current + 1)
    ]
    order = np.concatenate([np.argsort(row, kind="stable") for row in bits])
    ahead = list(dict.fromkeys(order[start : start + count].tolist()))
    length = int(np.searchsorted(np.cumsum([sizes[index] for index in ahead]), limit, "right"))
    return tuple(ahead[: max(1, length)])


def _random_bits(seeds, count):
    # Raw bits: NumPy keeps those of a bit generator the same in all releases, but not the methods
    # of Generator.
    return np.random.default_rng(seeds).bit_generator.random_raw(count)


def sample_batch(sources, *, seed, step, batch_size, patch, grid: Grid = "any", rows=slice(None)):
    """Cut a batch of random patches, the same square from all arrays of an image.

    Parameters
    ----------
    sources : sequence of tuple of ndarray
        One tuple per image, say (input, target): (H, W, 3) uint8 arrays of one size.
    seed, step : int
        Not negative. Equal ones return the same batch on every machine.
    batch_size, patch : int
        At least 1; no image may be smaller than the patch.
    grid : {"any", "keep", "shift"}
        Position of patches on the 8x8 grid of the images' JPEG versions. ``"any"``: all positions
        are equally likely, as after cropping. ``"keep"``: every patch's edges are block edges,
        also when it is mirrored or turned, as in a whole image; the patch must be a multiple of
        8. ``"shift"``: no patch's top left corner is a block's; images must be 7 pixels larger
        than the patch.
    rows : slice
        The patches to cut; each is the same as in the whole batch.

    Returns
    -------
    tuple of ndarray
        As many as in a tuple of `sources`, each (N, patch, patch, 3) uint8; N is the number of
        `rows`.

    Raises
    ------
    ValueError
        If the arrays of a tuple differ in size, are smaller than the patch, or a number is out of
        range.

    Notes
    -----
    Each batch is spread evenly, from a random start, so that losses of different batches compare
    and batch norm sees the same brightness: images are taken by equal steps through all pixels,
    positions in them by a sequence of low discrepancy. All positions are equally likely.
    Mirroring and one of four quarter turns are drawn independently.
    """
    shapes = _checked_shapes(sources, seed=seed, step=step, batch_size=batch_size, patch=patch)
    _check_grid(grid, shapes, patch)
    # The remainders' bias is below 2**-30 for anything that fits in memory.
    bits = _random_bits([seed, BATCH_PURPOSE, step], 3 + 3 * batch_size)
    ends = np.cumsum(shapes[:, 0] * shapes[:, 1], dtype=np.uint64)
    numbers = np.arange(batch_size, dtype=np.uint64)
    steps = numbers * ends[-1] // np.uint64(batch_size)
    chosen = np.searchsorted(ends, (bits[0] + steps) % ends[-1], side="right")
    flips, quarters, offsets = bits[3:].reshape(3, batch_size)
    flips, quarters = (flips % np.uint64(2)).tolist(), (quarters % np.uint64(4)).tolist()
    spacing, first = _lattice(grid, offsets)
    counts = ((shapes[chosen] - patch - first) // spacing + 1).astype(np.uint64)
    # Fractions of 2**64 that wrap around; their upper halves are scaled to the number of positions.
    fractions = (bits[1:3] + numbers[:, None] * SPREAD) >> np.uint64(32)
    positions = ((fractions * counts) >> np.uint64(32)).astype(np.int64)
    tops, lefts = (first + spacing * positions).T.tolist()
    wanted = range(batch_size)[rows]
    batch = tuple(np.empty((len(wanted), patch, patch, 3), np.uint8) for _ in sources[0])
    for index, row in enumerate(wanted):
        for pixels, out in zip(sources[chosen[row]], batch, strict=True):
            square = _cut(
                pixels, tops[row], lefts[row], patch, flip=flips[row], quarters=quarters[row]
            )
            # Channel by channel: NumPy copies a turned square four times as fast without the
            # short inner axis.
            for channel in range(3):
                out[index, ..., channel] = square[..., channel]
    return batch


def _cut(pixels, top, left, patch, *, flip, quarters):
    """Cut a square view out of (H, W, C) pixels, mirrored if `flip`, turned left by `quarters`."""
    square = pixels[top : top + patch, left : left + patch]
    return np.rot90(square[:, ::-1] if flip else square, quarters)


def _lattice(grid, offsets):
    """Return the spacing of possible positions, and each patch's first one (row, column)."""
    if grid == "any":
        return 1, 0
    if grid == "keep":
        return BLOCK, 0
    chosen = 1 + (offsets % np.uint64(BLOCK**2 - 1)).astype(np.int64)
    return BLOCK, np.stack([chosen // BLOCK, chosen % BLOCK], axis=-1)


def _check_grid(grid, shapes, patch):
    if grid not in get_args(Grid):
        raise ValueError(f"sample_batch: grid={grid!r} must be one of {', '.join(get_args(Grid))}")
    if grid == "keep" and patch % BLOCK:
        raise ValueError(f"sample_batch: grid='keep' needs a multiple of 8, not a patch of {patch}")
    if grid == "shift" and (shapes < patch + BLOCK - 1).any():
        raise ValueError(
            f"sample_batch: grid='shift' needs images of {patch + BLOCK - 1} pixels at least"
        )


def _checked_shapes(sources, *, seed, step, batch_size, patch):
    """Check all arguments; return (height, width) of every source as (S, 2) int64."""
    for name, value, least in (
        ("seed", seed, 0),
        ("step", step, 0),
        ("batch_size", batch_size, 1),
        ("patch", patch, 1),
    ):
        if value < least:
            raise ValueError(f"sample_batch: {name}={value} must be at least {least}")
    if len(sources) == 0:
        raise ValueError("sample_batch: no images to draw from")
    for index, arrays in enumerate(sources):
        _check_source(index, arrays, len(sources[0]), patch)
    return np.array([arrays[0].shape[:2] for arrays in sources], dtype=np.int64)


def _check_source(index, arrays, count, patch):
    if len(arrays) != count:
        raise ValueError(f"sample_batch: source {index} has {len(arrays)} arrays, source 0 {count}")
    first = arrays[0].shape
    for pixels in arrays:
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
            raise ValueError(
                f"sample_batch: source {index} has an array of shape {pixels.shape} and type "
                f"{pixels.dtype}, not (H, W, 3) of uint8"
            )
        if pixels.shape != first:
            raise ValueError(
                f"sample_batch: source {index} has arrays of shapes {first} and {pixels.shape}"
            )
    if min(first[:2]) < patch:
        raise ValueError(
            f"sample_batch: source {index} of {first[1]}x{first[0]} pixels is smaller than the "
            f"patch of {patch}"
        )
