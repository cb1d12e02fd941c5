"""A trained network measured through the bytes of real files, on whole images."""

import math
import time
from dataclasses import dataclass

from experiments.evaluation import scores
from experiments.sweeps.records import ImageRecord

_TIMED = 4  # images


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Measurements of a network, as a `Record` holds them; times are None without coded latents."""

    held_out: tuple[ImageRecord, ...] = ()
    trained_on: tuple[ImageRecord, ...] = ()
    encode_seconds_per_megapixel: float | None = None
    decode_seconds_per_megapixel: float | None = None


def measure_images(apply, task, test, compared):
    """Measure a network whose latents are not coded, on pairs not trained on, and trained on."""
    held_out, trained_on = (
        tuple(_image(apply, task, pair, None) for pair in pairs) for pairs in (test, compared)
    )
    return Measured(held_out=held_out, trained_on=trained_on)


def measure_codec(codec, task, test, compared):
    """Measure a codec at all its rates, as `measure_images` does."""
    held_out, trained_on = (
        tuple(
            _image(scores.through_files(codec, rate), task, pair, rate)
            for pair in pairs
            for rate in range(codec.rates)
        )
        for pairs in (test, compared)
    )
    encode, decode = _times(codec, [pair.original for pair in test[:_TIMED]])
    return Measured(
        held_out=held_out,
        trained_on=trained_on,
        encode_seconds_per_megapixel=encode,
        decode_seconds_per_megapixel=decode,
    )


def _image(apply, task, pair, rate):
    output = apply(pair.get(task.source))
    score = scores.outcome(lambda pixels: output, task, pair).score
    pixels, jpeg_rate = math.prod(pair.image.shape[:2]), score.jpeg_bits_per_pixel
    return ImageRecord(
        name=score.name,
        pixels=pixels,
        rate=rate,
        file_bytes=output.file_bytes,
        ideal_bytes=output.ideal_bytes,
        psnr=score.psnr,
        ssim=score.ssim,
        jpeg_psnr=score.jpeg_psnr,
        jpeg_ssim=score.jpeg_ssim,
        jpeg_bytes=None if jpeg_rate is None else round(jpeg_rate * pixels / 8),
    )


def _times(codec, images):
    """Time encoding and decoding, in seconds per megapixel, of images that were coded before."""
    megapixels = sum(math.prod(pixels.shape[:2]) for pixels in images) / 1e6
    rate = codec.middle_rate
    encode = decode = 0.0
    for pixels in images:
        began = time.perf_counter()
        data = codec.write(pixels, rate).data
        written = time.perf_counter()
        codec.read(data)
        encode, decode = encode + written - began, decode + time.perf_counter() - written
    return round(encode / megapixels, 4), round(decode / megapixels, 4)
