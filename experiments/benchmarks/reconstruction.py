"""What the command reconstruct does, as a job to be timed."""

import tempfile
from pathlib import Path

import jax

from experiments.benchmarks.jobs import Prepared
from experiments.evaluation import scores
from experiments.images import open_set, read_image, write_png
from experiments.networks import architectures, configs
from experiments.networks.tasks import TASKS

MOST_IMAGES = 8


def chosen(data):
    """Open a set and take its first images.

    Parameters
    ----------
    data : str or None
        What `open_set` takes.
    """
    return open_set(data).originals[:MOST_IMAGES]


def prepare(job):
    """Make the default network of a task, untrained, ready to be applied to all chosen images.

    ``job.network`` is the task; ``job.settings`` are `data` and `files`, whether images are read
    from PNG files and written to others, as reconstruct does, or lie in memory.
    """
    images = chosen(job.settings["data"])
    model = architectures.build(configs.configure(TASKS[job.network].model))
    params, state = model.init(jax.random.key(0), (64, 64, 3))
    apply = scores.make_apply(model, params, state)
    use = _on_files if job.settings["files"] else _in_memory
    return Prepared(use(apply, images), {})


def _in_memory(apply, images):
    pixels = [image.pixels for image in images]

    def call():
        for each in pixels:
            apply(each)

    return call


def _on_files(apply, images):
    folder = tempfile.TemporaryDirectory(prefix="fnnet-benchmark-")
    sources = [Path(folder.name) / f"{number}.png" for number in range(len(images))]
    for source, image in zip(sources, images, strict=True):
        write_png(source, image.pixels)

    def call():
        for source in sources:
            target = Path(folder.name) / f"out-{source.name}"  # the folder lives as long as this
            write_png(target, apply(read_image(source).pixels).pixels)

    return call
