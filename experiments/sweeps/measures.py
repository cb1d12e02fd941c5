"""A trained network measured through the bytes of real files, on whole images."""

import math
import time

from experiments.evaluation import scores
from experiments.networks.codec import Codec, is_codec, with_tables

_TIMED = 4  # images


def measure(programs, learned, trial, trained, test, compared):
    """Measure a network that has learned.

    Parameters
    ----------
    programs : Programs
    learned : Learned
    trial : Trial
    trained, test, compared : sequence of Pair
        Those that were trained on, of which the coder's tables are made; those that were not;
        some of the former, to be measured too.

    Returns
    -------
    dict
        Lists of images, as a record has them, under ``held_out`` and ``trained_on``; seconds per
        megapixel under ``encode`` and ``decode``, None without coded latents.

    Raises
    ------
    RunError
        If the latents cannot be coded: training has diverged.
    """
    model, task = programs.model, programs.task
    if not is_codec(model):
        _, params, state, *_ = learned.train_state
        apply = scores.make_apply(model, params, state)
        images = {
            name: [_image(apply, task, pair, None) for pair in pairs]
            for name, pairs in (("held_out", test), ("trained_on", compared))
        }
        return images | {"encode": None, "decode": None}
    codec = make_codec(model, learned.train_state, trained, trial.model)
    return measure_codec(codec, task, test, compared)


def make_codec(model, train_state, trained, model_record):
    """Make a network that has learned ready to write files, with tables of training images."""
    _, params, state, *_ = train_state
    originals = (pair.original for pair in trained)
    return Codec(model, params, with_tables(model, params, state, originals), model_record)


def measure_codec(codec, task, test, compared):
    """Measure a codec at all its rates, as `measure` does."""
    images = {
        name: [
            _image(scores.through_files(codec, rate), task, pair, rate)
            for pair in pairs
            for rate in range(codec.rates)
        ]
        for name, pairs in (("held_out", test), ("trained_on", compared))
    }
    encode, decode = _times(codec, [pair.original for pair in test[:_TIMED]])
    return images | {"encode": encode, "decode": decode}


def _image(apply, task, pair, rate):
    """Measure one image, as `records.IMAGE` has it."""
    output = apply(pair.get(task.source))
    score = scores.outcome(lambda pixels: output, task, pair).score
    pixels, jpeg_rate = math.prod(pair.image.shape[:2]), score.jpeg_bits_per_pixel
    return {
        "name": score.name,
        "pixels": pixels,
        "rate": rate,
        "file_bytes": output.file_bytes,
        "ideal_bytes": output.ideal_bytes,
        "psnr": score.psnr,
        "ssim": score.ssim,
        "jpeg_psnr": score.jpeg_psnr,
        "jpeg_ssim": score.jpeg_ssim,
        "jpeg_bytes": None if jpeg_rate is None else round(jpeg_rate * pixels / 8),
    }


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
