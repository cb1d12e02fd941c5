"""Pictures: reading and writing files, sets and their layouts, JPEG versions, splits, batches."""

from experiments.pictures.batches import Grid, sample_batch
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
from experiments.pictures.fingerprint import FORM as FINGERPRINT_FORM
from experiments.pictures.jpeg import jpeg_version
from experiments.pictures.live1 import LIVE1, canonical_name
from experiments.pictures.overlap import Shared, find_shared, known_copies, same_photographs
from experiments.pictures.patches import check_patch
from experiments.pictures.pools import pool
from experiments.pictures.quality import is_jpeg, quality_of_file, quality_of_pixels
from experiments.pictures.sets import (
    PictureSet,
    jpeg_for,
    locate,
    made_version,
    open_set,
    version_within,
)
from experiments.pictures.splits import split
from experiments.pictures.versions import Version

__all__ = [
    "FINGERPRINT_FORM",
    "LIVE1",
    "PIXEL_LIMIT",
    "SUFFIXES",
    "Grid",
    "Picture",
    "PictureError",
    "PictureSet",
    "Shared",
    "Version",
    "canonical_name",
    "check_patch",
    "embedded_pictures",
    "find_pictures",
    "find_shared",
    "is_jpeg",
    "jpeg_for",
    "jpeg_version",
    "known_copies",
    "locate",
    "made_version",
    "open_set",
    "pool",
    "quality_of_file",
    "quality_of_pixels",
    "read_picture",
    "same_photographs",
    "sample_batch",
    "split",
    "version_within",
    "write_png",
]
