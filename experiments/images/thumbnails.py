"""Whether two images show the same, by small grey thumbnails of them."""

import numpy as np
from PIL import Image

SIDE = 16
# Of all pairs of LIVE1's originals the likest correlate with 0.75; a JPEG version correlates with
# its own original with 0.97 even at quality 1.
ALIKE = 0.85
CLEARLY = 0.1


def thumbnail(pixels):
    """Reduce (H, W, 3) uint8 pixels to (256,) float32 of mean 0 and length 1; 0 if one colour."""
    luma = Image.fromarray(pixels).convert("L")
    small = np.asarray(luma.resize((SIDE, SIDE), Image.Resampling.BOX), np.float32).ravel()
    small -= small.mean()
    length = np.linalg.norm(small)
    return small / length if length > 0 else small


def most_alike(pixels, thumbnails):
    """Find the name whose thumbnail resembles these pixels clearly more than all others do.

    Parameters
    ----------
    pixels : ndarray
        (H, W, 3) uint8.
    thumbnails : mapping of str to ndarray
        What `thumbnail` gave for images of the same size.

    Returns
    -------
    str or None
        None if none resembles them, or two do about equally.
    """
    if not thumbnails:
        return None
    likeness = np.stack(list(thumbnails.values())) @ thumbnail(pixels)
    *_, best = order = np.argsort(likeness, kind="stable")
    second = likeness[order[-2]] if len(order) > 1 else -1.0
    if likeness[best] < ALIKE or likeness[best] - second < CLEARLY:
        return None
    return list(thumbnails)[best]
