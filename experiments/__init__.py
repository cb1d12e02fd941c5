"""The commands, and the subpackages that they are built from.

Only commands lie in this folder: each a config dataclass, whose fields are its options, and a
short ``main``. ``COMMANDS`` lists them; ``fnnet NAME`` and ``python -m experiments.NAME`` run one.
Code that two commands share lies in a subpackage, never beside them. From lower to higher:

- ``system``: hardware, compiler flags, allocator, compilation cache, folders, locks, storage
- ``cli``: from a dataclass to a command: options, errors, terminal, progress, output files
- ``images``: reading images and sets: layouts, JPEG versions, splits, patches, batches
- ``fnn``: the ``.fnn`` file format: container, range coder, frequency tables
- ``networks``: networks as functions of configs, bottlenecks, losses, tasks, tiles, the codec
- ``evaluation``: scores, leakage, published baselines, the metrics' self-check, tables, figures
- ``codecs``: classical codecs: encoders, rate-distortion points, BD-rates
- ``runs``: a run's folder as a value: config, record, recipes, saving, released weights
- ``training``: the training session: batches, devices, processes, stability
- ``sweeps``, ``exploration``, ``benchmarks``: what the commands of these subjects consist of
- ``reporting``: the page and the text about a sweep's results

A module imports from `fnnet`, its own subpackage and those above it in this list;
``tests/test_architecture.py`` checks that. ``weights`` and ``records`` hold data only.

Importing this package sets the compiler's flags, which JAX reads once, so nothing here or in
``system/__init__`` imports JAX.
"""

import os

from experiments.system import allocator, compiler_flags

COMMANDS = {
    "explore": "show what is in a set of images, in tables and figures (half a minute for 29)",
    "train": "train a network on images and show what it learned (about 4 minutes)",
    "evaluate": "print a trained network's quality on held-out images or another set",
    "reconstruct": "apply a trained network to your own images",
    "compress": "write images as .fnn files by a trained network or by released weights",
    "decompress": "read .fnn files back as images",
    "ladder": "train the ladder from a dense autoencoder to a learned codec (half an hour)",
    "release": "write a run's weights in the form in which they are released",
    "selftest": "measure JPEG's published rows again, to check the metrics (half a minute)",
    "classical": "measure JPEG, JPEG 2000, WebP, AVIF and JPEG XL: rate-distortion, BD-rates",
    "ablate": "vary one setting at a time of a small codec, and record the effect of each value",
    "scaling": "predict how training scales to 1,000 devices (half a minute)",
    "lowerings": "time fnnet's CPU lowerings of convolutions against JAX's (half a minute)",
    "benchmark": "compare speed and memory with PyTorch and Flax (half an hour; --quick 2 minutes)",
    "report": "write a sweep's results as an HTML page (seconds)",
    "clear_cache": "remove the compiled programs that commands store for their next start",
}

compiler_flags.set_flags()
allocator.configure()
# Random bits that are the same on every supported release, and when sharded over devices.
os.environ.setdefault("JAX_THREEFRY_PARTITIONABLE", "1")
