"""The command `reconstruct` as a job to time."""

import tempfile
from pathlib import Path

import jax

from experiments.benchmarks.jobs import Photographs, Prepared
from experiments.evaluation import scores
from experiments.images import open_set, read_image, write_png
from experiments.networks import architectures, configs
from experiments.networks.tasks import TASKS

MOST_IMAGES = 8


def chosen(data):
    """Return the first images of a set, named as for `open_set`."""
    return open_set(data).originals[:MOST_IMAGES]


def prepare(job):
    """Prepare the default network of the task ``job.network``, untrained, for all chosen images."""
    photographs = Photographs(**job.settings)
    images = chosen(photographs.data)
    model = architectures.build(configs.configure(TASKS[job.network].model))
    params, state = model.init(jax.random.key(0), (64, 64, 3))
    apply = scores.make_apply(model, params, state)
    begin = _on_files if photographs.files else _in_memory
    return Prepared(begin(apply, images), {})


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
