"""What the command reconstruct does, as a job to be timed."""

import tempfile
from pathlib import Path

import jax

from experiments.benchmarks.jobs import Prepared
from experiments.evaluation import scores
from experiments.images import open_set, read_picture, write_png
from experiments.networks import architectures, configs
from experiments.networks.tasks import TASKS

MOST_PICTURES = 8


def chosen(data):
    """Open a set and take its first pictures.

    Parameters
    ----------
    data : str or None
        What `open_set` takes.
    """
    return open_set(data).originals[:MOST_PICTURES]


def prepare(job):
    """Make the default network of a task, untrained, ready to be applied to all chosen pictures.

    ``job.network`` is the task; ``job.settings`` are `data` and `files`, whether pictures are read
    from PNG files and written to others, as reconstruct does, or lie in memory.
    """
    pictures = chosen(job.settings["data"])
    model = architectures.build(configs.configure(TASKS[job.network].model))
    params, state = model.init(jax.random.key(0), (64, 64, 3))
    apply = scores.make_apply(model, params, state)
    use = _on_files if job.settings["files"] else _in_memory
    return Prepared(use(apply, pictures), {})


def _in_memory(apply, pictures):
    pixels = [picture.pixels for picture in pictures]

    def call():
        for each in pixels:
            apply(each)

    return call


def _on_files(apply, pictures):
    folder = tempfile.TemporaryDirectory(prefix="fnnet-benchmark-")
    sources = [Path(folder.name) / f"{number}.png" for number in range(len(pictures))]
    for source, picture in zip(sources, pictures, strict=True):
        write_png(source, picture.pixels)

    def call():
        for source in sources:
            target = Path(folder.name) / f"out-{source.name}"  # the folder lives as long as this
            write_png(target, apply(read_picture(source).pixels).pixels)

    return call
