"""The literature's recipes for measuring JPEG: which degraded version is compared with what.

Every recipe returns an original and its degraded version, both (H, W, C) uint8, to be compared by
the metrics of ``fnnet.metrics`` as they are: no crop, no border.
"""

import numpy as np

from experiments.images.jpeg import jpeg_version
from fnnet.ops.color import rgb_to_ycbcr_studio

SHIFT = 4  # half a block: as far apart as two 8x8 grids can be


def grey_plane(image):
    """Compute an image's luma as the artefact-removal literature does, (H, W) uint8.

    ``floor(Y + 0.5)`` of MATLAB's studio-range Y, from 16 to 235; full-range luma would lower
    PSNR by about 0.75 dB. An image from a file of one channel is its own plane.
    """
    if image.is_grey:
        return image.pixels[..., 0]
    luma = rgb_to_ycbcr_studio(image.pixels.astype(np.float64), peak=255.0)[..., 0]
    return np.floor(luma + 0.5).astype(np.uint8)


def grey_recipe(image, quality):
    """Compress the grey plane as a JPEG of one channel, at a quality of 1 to 100."""
    plane = grey_plane(image)
    degraded, _ = jpeg_version(plane, quality)
    return plane[..., None], degraded[..., None]


def colour_recipe(image, quality):
    """Compress the RGB pixels with 4:2:0 chroma, which the decoder interpolates."""
    degraded, _ = jpeg_version(image.pixels, quality)
    return image.pixels, degraded


def double_recipe(image, qualities):
    """Compress the grey plane at two `qualities`, second on a grid of blocks shifted by 4 pixels.

    The first 4 rows and columns are cut off in between, and off the original (Jiang, Zhang, Timofte
    2021, FBCNN, arXiv:2109.14573).
    """
    first, second = qualities
    plane = grey_plane(image)
    once, _ = jpeg_version(plane, first)
    degraded, _ = jpeg_version(once[SHIFT:, SHIFT:], second)
    return plane[SHIFT:, SHIFT:, None], degraded[..., None]


JPEG_RECIPES = {"grey": grey_recipe, "colour": colour_recipe, "double": double_recipe}
