"""Pictures: reading and writing files, sets and their layouts, JPEG versions, splits, batches."""

from .batches import sample_batch
from .embedded import embedded_pictures
from .errors import PictureError
from .files import PIXEL_LIMIT, SUFFIXES, Picture, find_pictures, read_picture, write_png
from .jpeg import jpeg_version
from .layouts import PictureSet, jpeg_for, locate, open_set
from .live1 import LIVE1, canonical_name
from .patches import check_patch
from .splits import split

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
    "jpeg_for",
    "jpeg_version",
    "locate",
    "open_set",
    "read_picture",
    "sample_batch",
    "split",
    "write_png",
]
