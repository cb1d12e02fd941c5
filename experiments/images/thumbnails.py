"""Similarity of images of one size, by the correlation of small grey thumbnails."""

import numpy as np
from PIL import Image

SIZE = 16
# Different originals of LIVE1 correlate by at most 0.75, a JPEG version with its own original by
# 0.97 even at quality 1.
ALIKE = 0.85
MARGIN = 0.1  # by which the most similar image must exceed the second


def thumbnail(pixels):
    """Reduce (H, W, 3) uint8 pixels to (256,) float32 of mean 0 and norm 1; zeros if one colour."""
    luma = Image.fromarray(pixels).convert("L")
    small = np.asarray(luma.resize((SIZE, SIZE), Image.Resampling.BOX), np.float32).ravel()
    small -= small.mean()
    length = np.linalg.norm(small)
    return small / length if length > 0 else small


def most_similar(pixels, thumbnails):
    """Return the name of the image that (H, W, 3) uint8 pixels clearly resemble most.

    `thumbnails` maps names to what `thumbnail` returns for images of the same size. None if no
    image is similar, or two are about equally so.
    """
    if not thumbnails:
        return None
    similarity = np.stack(list(thumbnails.values())) @ thumbnail(pixels)
    *_, best = order = np.argsort(similarity, kind="stable")
    second = similarity[order[-2]] if len(order) > 1 else -1.0
    if similarity[best] < ALIKE or similarity[best] - second < MARGIN:
        return None
    return list(thumbnails)[best]
