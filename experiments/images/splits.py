"""Which image is for training, which for choosing, which for the final figures."""

import hashlib

from experiments.images import embedded, live1
from experiments.images.errors import ImageError
from experiments.images.overlap import same_photographs

SMALL_SHARE = 8  # one part in so many is tested on, and one is validated on


def split(image_set, seed=0):
    """Give every original of a set its side.

    Parameters
    ----------
    image_set : ImageSet
    seed : int
        Chooses among the seeded splits; the fixed tables do not depend on it.

    Returns
    -------
    dict of str to str
        Name to ``"train"``, ``"validation"`` or ``"test"``, in the order of the originals.

    Raises
    ------
    ImageError
        If the set has fewer than two distinct images.

    Notes
    -----
    - The embedded photographs have a table: three for training, two for testing.
    - LIVE1, or a part of it, has the table by scene above, as long as it leaves images to both
      train and test on.
    - Every other set is split by the SHA-256 of seed and name: one eighth to test on (at least
      one image), one eighth to validate on (none below eight images), the rest to train on. The
      outcome depends on names, pixels and seed alone, not on the order of files or the machine.
      Images that show the same photograph, as `find_shared` tells, are on one side and count as
      one, also where only a third links two of them.
    """
    images = image_set.originals
    names = {image.name for image in images}
    if image_set.folder is None and names <= embedded.SIDES.keys():
        sides = embedded.SIDES
    elif _live1_serves(names) and _keeps_together(live1.SIDES, images):
        sides = live1.SIDES
    else:
        sides = _seeded(image_set, seed)
    return {image.name: sides[image.name] for image in images}


def _live1_serves(names):
    """Tell whether LIVE1's table covers these names and leaves some to train and to test on."""
    if not names <= live1.SIDES.keys():
        return False
    return {"train", "test"} <= {live1.SIDES[name] for name in names}


def _keeps_together(sides, images):
    """Tell whether versions of one photograph are on one side: names alone prove nothing."""
    return all(len({sides[name] for name in group}) == 1 for group in same_photographs(images))


def _seeded(image_set, seed):
    groups = same_photographs(image_set.originals)
    if len(groups) < 2:
        where = image_set.folder or image_set.name
        count = len(image_set.originals)
        among = f" among {count} (versions of one photograph count once)" if count > 1 else ""
        raise ImageError(
            f"{where}: {len(groups)} distinct image{among}, but a split needs one to train and "
            "one to test on"
        )
    groups = sorted(groups, key=lambda group: _draw(seed, min(group)))
    small = len(groups) // SMALL_SHARE
    tested = max(1, small)
    sides = {}
    for index, group in enumerate(groups):
        side = "test" if index < tested else "validation" if index < tested + small else "train"
        sides |= dict.fromkeys(group, side)
    return sides


def _draw(seed, name):
    return hashlib.sha256(f"{seed}/{name}".encode()).hexdigest()
