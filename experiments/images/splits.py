"""Splitting a set into images to train, to validate and to test on."""

import hashlib

from experiments.images import embedded, live1
from experiments.images.errors import ImageError
from experiments.images.overlap import same_photographs

SMALL_SHARE = 8  # the test split is one part in eight, and so is the validation split


def split(image_set, seed=0):
    """Assign every original of a set to ``"train"``, ``"validation"`` or ``"test"``, by its name.

    - The embedded photographs have a table: three to train on, two to test on.
    - LIVE1, or a part of it, has the table by scene in `live1`, if that leaves images to both
      train and test on.
    - Every other set is split by the SHA-256 of `seed` and name: one eighth to test on (at least
      one image), one eighth to validate on (none below eight images), the rest to train on. The
      outcome depends on names, pixels and seed alone, not on the order of files or the machine.
      Images of the same photograph (`same_photographs`) count as one and share a split.

    Raises `ImageError` if the set has fewer than two distinct images.
    """
    images = image_set.originals
    if image_set.folder is None and {image.name for image in images} <= embedded.SPLITS.keys():
        splits = embedded.SPLITS
    else:
        splits = live1.SPLITS if _live1_serves(images) else _by_hash(image_set, seed)
    return {image.name: splits[image.name] for image in images}


def _live1_serves(images):
    """Return whether LIVE1's table has all images, some to train on and some to test on.

    Names alone prove nothing: versions of one photograph must share a split there.
    """
    splits = live1.SPLITS
    if not {image.name for image in images} <= splits.keys():
        return False
    if not {"train", "test"} <= {splits[image.name] for image in images}:
        return False
    return all(len({splits[name] for name in group}) == 1 for group in same_photographs(images))


def _by_hash(image_set, seed):
    groups = same_photographs(image_set.originals)
    if len(groups) < 2:
        where = image_set.folder or image_set.name
        count = len(image_set.originals)
        among = f" among {count} (versions of one photograph count once)" if count > 1 else ""
        raise ImageError(
            f"{where}: {len(groups)} distinct image{among}, but a split needs one to train and "
            "one to test on"
        )
    groups.sort(key=lambda group: hashlib.sha256(f"{seed}/{min(group)}".encode()).hexdigest())
    small = len(groups) // SMALL_SHARE
    splits = ["test"] * max(1, small) + ["validation"] * small
    splits += ["train"] * (len(groups) - len(splits))
    return {name: part for names, part in zip(groups, splits, strict=True) for name in names}
