"""Images: files, sets and their layouts, JPEG versions, splits, training batches."""

from experiments.images.downscaling import downscaled, downscaled_shape
from experiments.images.embedded import embedded_images
from experiments.images.errors import ImageError
from experiments.images.files import PIXEL_LIMIT, StoredImage, read_image, write_png
from experiments.images.fingerprint import FORM as FINGERPRINT_FORM
from experiments.images.folders import SUFFIXES, entries, find_images
from experiments.images.jpeg import jpeg_version, made_version, version_within
from experiments.images.jpeg_quality import is_jpeg, quality_of_file, quality_of_pixels
from experiments.images.jpeg_recipes import JPEG_RECIPES
from experiments.images.layouts import Version
from experiments.images.live1 import LIVE1, canonical_name
from experiments.images.overlap import find_seen, known_copies, printable, same_photographs
from experiments.images.patches import Grid, check_patch, sample_batch, sampling_window
from experiments.images.sets import ImageSet, jpeg_for, locate, open_set
from experiments.images.splits import split

__all__ = [
    "FINGERPRINT_FORM",
    "JPEG_RECIPES",
    "LIVE1",
    "PIXEL_LIMIT",
    "SUFFIXES",
    "Grid",
    "ImageError",
    "ImageSet",
    "StoredImage",
    "Version",
    "canonical_name",
    "check_patch",
    "downscaled",
    "downscaled_shape",
    "embedded_images",
    "entries",
    "find_images",
    "find_seen",
    "is_jpeg",
    "jpeg_for",
    "jpeg_version",
    "known_copies",
    "locate",
    "made_version",
    "open_set",
    "printable",
    "quality_of_file",
    "quality_of_pixels",
    "read_image",
    "same_photographs",
    "sample_batch",
    "sampling_window",
    "split",
    "version_within",
    "write_png",
]
