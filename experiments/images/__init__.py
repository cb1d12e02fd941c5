"""Images: reading and writing files, sets and their layouts, JPEG versions, splits, batches."""

from experiments.images.batches import Grid, sample_batch
from experiments.images.embedded import embedded_images
from experiments.images.errors import ImageError
from experiments.images.files import (
    PIXEL_LIMIT,
    SUFFIXES,
    StoredImage,
    find_images,
    read_image,
    write_png,
)
from experiments.images.fingerprint import FORM as FINGERPRINT_FORM
from experiments.images.jpeg import jpeg_version
from experiments.images.jpeg_quality import is_jpeg, quality_of_file, quality_of_pixels
from experiments.images.layouts import Version
from experiments.images.live1 import LIVE1, canonical_name
from experiments.images.overlap import (
    Shared,
    find_seen,
    find_shared,
    known_copies,
    printable,
    same_photographs,
)
from experiments.images.patches import check_patch
from experiments.images.pools import pool
from experiments.images.sets import (
    ImageSet,
    jpeg_for,
    locate,
    made_version,
    open_set,
    version_within,
)
from experiments.images.splits import split

__all__ = [
    "FINGERPRINT_FORM",
    "LIVE1",
    "PIXEL_LIMIT",
    "SUFFIXES",
    "Grid",
    "ImageError",
    "ImageSet",
    "Shared",
    "StoredImage",
    "Version",
    "canonical_name",
    "check_patch",
    "embedded_images",
    "find_images",
    "find_seen",
    "find_shared",
    "is_jpeg",
    "jpeg_for",
    "jpeg_version",
    "known_copies",
    "locate",
    "made_version",
    "open_set",
    "pool",
    "printable",
    "quality_of_file",
    "quality_of_pixels",
    "read_image",
    "same_photographs",
    "sample_batch",
    "split",
    "version_within",
    "write_png",
]
