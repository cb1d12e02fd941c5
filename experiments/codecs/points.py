"""Points of codecs' curves: encode, decode, measure, on all cores and never twice."""

import contextlib
import functools
import hashlib
import math
import multiprocessing
import os
import signal
import threading
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from experiments.codecs.encoders import CODECS
from experiments.evaluation import scores
from experiments.images import ImageError, StoredImage
from experiments.system.errors import RunError
from experiments.system.hardware import cores
from fnnet import metrics
from fnnet.ops import pool, ssim

# Pixels in work at a time: a measured pixel takes about 100 bytes.
_PIXELS_AT_ONCE = 2**26
SSIM_LEAST = len(ssim.GAUSSIAN_11.weights)
MS_SSIM_LEAST = ssim.MS_SSIM_LEAST


@dataclass(frozen=True)
class Figures:
    """What is measured of one file: its bytes, PSNR in dB, SSIM and MS-SSIM.

    The last two are None of an image that is too small for them.
    """

    file_bytes: int
    psnr: float
    ssim: float | None
    ms_ssim: float | None


@dataclass(frozen=True, eq=False)
class Point:
    """One codec at one quality on one image; `figures` is None until it is measured."""

    image: StoredImage
    codec: str
    quality: float
    figures: Figures | None = None

    @property
    def bits_per_pixel(self):
        """Rate of the whole file, headers included."""
        return metrics.bits_per_pixel(self.figures.file_bytes, *self.image.shape[:2])

    def identity(self):
        """Name what its figures come from: pixels, encoder with settings, metrics; all texts."""
        codec = CODECS[self.codec]
        return {
            "pixels": self.image.sha256,
            "codec": codec.identity(self.quality, codec.source(self.image).shape[2]),
            "metrics": metrics_version(),
        }


@functools.cache
def metrics_version():
    """Tell one state of the metrics from another: a hash of their source and NumPy's version."""
    modules = (scores, metrics, ssim, pool)
    sources = (Path(module.__file__).read_bytes() for module in modules)
    return hashlib.sha256(b"".join(sources) + np.__version__.encode()).hexdigest()


def measure_all(points, done):
    """Measure points on all cores, calling ``done(point, figures)`` as soon as each is known.

    Raises
    ------
    ImageError
        If a codec cannot take an image: names both.
    RunError
        If a worker process is lost.
    """
    # Codecs that differ in their bytes alone give the same pixels at the same quality.
    groups = {}
    for point in points:
        groups.setdefault((point.image, point.quality), []).append(point)
    largest = max((math.prod(point.image.shape[:2]) for point in points), default=1)
    processes = min(cores(), len(groups), max(_PIXELS_AT_ONCE // largest, 1))
    for group, measured in _measured(list(groups.values()), processes):
        for point, figures in zip(group, measured, strict=True):
            done(point, figures)


def _measured(groups, processes):
    """Give each group with its figures, in the order in which they come."""
    if processes <= 1:  # starting one would only cost time
        yield from ((group, measure(group)) for group in groups)
        return
    with _workers(processes) as workers:
        with _interrupts_delayed():  # the processes start with the first tasks
            tasks = {workers.submit(measure, group): group for group in groups}
        for task in as_completed(tasks):
            yield tasks[task], task.result()


@contextlib.contextmanager
def _workers(processes):
    """Open processes, and end them at once, not after their tasks, where the block fails."""
    others = set(multiprocessing.active_children())
    context = multiprocessing.get_context("spawn")
    workers = ProcessPoolExecutor(processes, context, initializer=_prepare_worker)
    try:
        yield workers
    except BrokenProcessPool:
        raise RunError(
            "a worker process ended before its task did; is there too little memory?"
        ) from None
    except BaseException:
        for process in set(multiprocessing.active_children()) - others:
            process.terminate()
        raise
    finally:
        workers.shutdown(cancel_futures=True)


def _prepare_worker():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent():
    """Wait for the parent, then end: a worker alone would wait for tasks for ever."""
    multiprocessing.parent_process().join()
    os._exit(1)


@contextlib.contextmanager
def _interrupts_delayed():
    """Let an interrupt wait for the block's end; a process that is started inherits that."""
    if not hasattr(signal, "pthread_sigmask"):  # on Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def measure(points):
    """Measure points of one image; pixels that come out twice are compared once."""
    compared, measured = {}, []
    for point in points:
        data, original, decoded = coded(point)
        digest = hashlib.sha256(decoded).hexdigest()
        if digest not in compared:
            compared[digest] = compare(point.image, original, decoded)
        measured.append(Figures(len(data), *compared[digest]))
    return measured


def coded(point):
    """Encode and decode: the file's bytes, and the pixels before and after, (H, W, C) uint8.

    Raises
    ------
    ImageError
        If the codec cannot: names the image and the codec.
    """
    codec = CODECS[point.codec]
    original = codec.source(point.image)
    try:
        data = codec.encode(original, point.quality)
        return data, original, codec.decode(data, original.shape[2])
    except (OSError, ValueError, RuntimeError, MemoryError) as error:
        height, width = original.shape[:2]
        raise ImageError(
            f"{point.image.path or point.image.name}: {point.codec} cannot encode these "
            f"{width}x{height} pixels at {point.quality}: {error or 'not enough memory'}"
        ) from None


def compare(image, original, decoded):
    """Compute PSNR, SSIM and MS-SSIM; the last two are None of an image too small for them."""
    try:
        psnr, ssim = scores.compare(original, decoded)
        if min(original.shape[:2]) < MS_SSIM_LEAST:
            return psnr, ssim, None
        return psnr, ssim, float(metrics.ms_ssim(original, decoded))
    except MemoryError:
        raise ImageError(f"{image.path or image.name}: not enough memory") from None
