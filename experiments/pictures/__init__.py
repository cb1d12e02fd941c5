"""Pictures: reading and writing files, sets and their layouts, JPEG versions, splits, batches."""

from experiments.pictures.batches import sample_batch
from experiments.pictures.embedded import embedded_pictures
from experiments.pictures.errors import PictureError
from experiments.pictures.files import (
    PIXEL_LIMIT,
    SUFFIXES,
    Picture,
    find_pictures,
    read_picture,
    write_png,
)
from experiments.pictures.jpeg import jpeg_version
from experiments.pictures.layouts import PictureSet, jpeg_for, locate, open_set
from experiments.pictures.live1 import LIVE1, canonical_name
from experiments.pictures.patches import check_patch
from experiments.pictures.quality import is_jpeg, quality_of_file, quality_of_pixels
from experiments.pictures.splits import split

__all__ = [
    "LIVE1",
    "PIXEL_LIMIT",
    "SUFFIXES",
    "Picture",
    "PictureError",
    "PictureSet",
    "canonical_name",
    "check_patch",
    "embedded_pictures",
    "find_pictures",
    "is_jpeg",
    "jpeg_for",
    "jpeg_version",
    "locate",
    "open_set",
    "quality_of_file",
    "quality_of_pixels",
    "read_picture",
    "sample_batch",
    "split",
    "write_png",
]
