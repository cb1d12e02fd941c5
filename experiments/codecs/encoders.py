"""Classical codecs at their usual settings: Pillow's encoders, and JPEG XL by imagecodecs."""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import PIL
from PIL import Image, features

try:
    import imagecodecs
except ImportError:
    imagecodecs = None
try:
    from PIL import AvifImagePlugin
except ImportError:  # before Pillow 11.3
    AvifImagePlugin = None

_JPEG = (5, 10, 20, 30, 50, 70, 90, 95)


@dataclass(frozen=True)
class Codec:
    """An encoder with its settings, its decoder, and the qualities of its curve."""

    name: str
    description: str
    qualities: tuple[float, ...]  # from the fewest bits to the most, on the codec's own scale
    settings: Callable  # (quality, channels) -> dict: the encoder's options
    encoder: Callable  # (pixels, settings) -> bytes
    decoder: Callable  # bytes -> pixels
    # () -> dict: versions of all that decides the bytes; None without the encoder.
    versions: Callable
    remedy: str  # what to install for the encoder
    one_channel: bool = False  # whether a grey image is coded as one channel; otherwise as RGB

    def source(self, image):
        """Return the pixels to encode of an image, or one channel of them, (H, W, C) uint8."""
        return image.pixels[..., :1] if image.is_grey and self.one_channel else image.pixels

    def encode(self, pixels, quality):
        """Encode (H, W, C) uint8 pixels as the bytes of a whole file."""
        return self.encoder(pixels, self.settings(quality, pixels.shape[2]))

    def decode(self, data, channels):
        """Decode the bytes of a file to (H, W, channels) uint8 pixels."""
        pixels = self.decoder(data)
        return pixels.reshape(*pixels.shape[:2], channels)

    def identity(self, quality, channels):
        """Return all that decides the bytes of a given image, as a text to compare and hash."""
        return json.dumps([self.name, self.settings(quality, channels), self.versions()])


def _pillow_encode(form, pixels, settings):
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    buffer = io.BytesIO()
    image.save(buffer, form, **settings)
    return buffer.getvalue()


def _pillow_decode(form, data):
    with Image.open(io.BytesIO(data), formats=[form]) as image:
        return np.array(image)


def _pillow_versions(feature, library):
    if not features.check(feature):
        return None
    return {"Pillow": PIL.__version__, library: features.version(feature)}


def _jpeg_versions():
    libraries = (("libjpeg_turbo", "libjpeg-turbo"), ("jpg", "libjpeg"))
    return next(filter(None, (_pillow_versions(*library) for library in libraries)), None)


def _avif_versions():
    versions = _pillow_versions("avif", "libavif")
    # libavif only carries what an AV1 encoder makes.
    return versions and {**versions, "aom": AvifImagePlugin.get_codec_version("aom")}


def _jpegxl_versions():
    if imagecodecs is None or not imagecodecs.JPEGXL.available:
        return None
    library, number = imagecodecs.jpegxl_version().split()
    return {"imagecodecs": imagecodecs.__version__, library: number}


def _jpeg2000_settings(ratio, channels):
    # Pillow leaves the colour transform out unless asked, at a loss of several dB.
    transform = {"mct": 1} if channels == 3 else {}
    return {
        "quality_mode": "rates",
        "quality_layers": [ratio],
        "irreversible": True,
        **transform,
    }


def _pillow_codec(name, form, description, qualities, settings, versions, **options):
    return Codec(
        name,
        description,
        qualities,
        settings,
        partial(_pillow_encode, form),
        partial(_pillow_decode, form),
        versions,
        f"a Pillow that was built with {form}",
        **options,
    )


_ALL = (
    _pillow_codec(
        "jpeg",
        "JPEG",
        "JPEG at Pillow's defaults: 4:2:0, fixed Huffman tables",
        (5, 10, 20, 30, 40, 50, 70, 80, 90, 95),
        lambda quality, channels: {"quality": quality},
        _jpeg_versions,
        one_channel=True,
    ),
    _pillow_codec(
        "jpeg-optimised",
        "JPEG",
        "JPEG, progressive with Huffman tables of its own: the same pixels as jpeg in fewer bytes",
        _JPEG,
        lambda quality, channels: {"quality": quality, "optimize": True, "progressive": True},
        _jpeg_versions,
        one_channel=True,
    ),
    _pillow_codec(
        "jpeg2000",
        "JPEG2000",
        "JPEG 2000, irreversible transforms; the quality is the ratio of compression",
        (160, 80, 40, 24, 12, 8),
        _jpeg2000_settings,
        partial(_pillow_versions, "jpg_2000", "OpenJPEG"),
        one_channel=True,
    ),
    _pillow_codec(
        "webp",
        "WEBP",
        "WebP, method 6",
        (20, 40, 60, 80, 90),
        lambda quality, channels: {"quality": quality, "method": 6},
        partial(_pillow_versions, "webp", "libwebp"),
    ),
    _pillow_codec(
        "avif",
        "AVIF",
        "AVIF at Pillow's defaults: speed 6, 4:2:0",
        (20, 30, 45, 60, 75, 85),
        # More threads cut the image into tiles, which changes the bytes.
        lambda quality, channels: {"quality": quality, "max_threads": 1},
        _avif_versions,
    ),
    Codec(
        "jpegxl",
        "JPEG XL, effort 7; the quality is the distance in butteraugli's unit",
        # From 10 on the encoder halves the image first, and the curve has a jump.
        (9, 6, 4, 2.5, 1.5, 1, 0.5),
        lambda distance, channels: {"distance": distance, "effort": 7},
        lambda pixels, settings: imagecodecs.jpegxl_encode(pixels, numthreads=1, **settings),
        lambda data: imagecodecs.jpegxl_decode(data, numthreads=1),
        _jpegxl_versions,
        "pip install imagecodecs",
    ),
)
CODECS = {codec.name: codec for codec in _ALL}

# The codec that BD-rates compare with, and at which qualities: the figure depends on these.
ANCHOR = "jpeg"
ANCHOR_QUALITIES = _JPEG


def decode_in_one_thread():
    """Limit Pillow's AVIF decoder, the only one that uses several cores, to one thread."""
    if AvifImagePlugin is not None:
        AvifImagePlugin.DEFAULT_MAX_THREADS = 1
