"""Growth of fnnet's cost with the work: one network, one of its sizes varied at a time."""

import math

from experiments.benchmarks.jobs import Job

_BASE = {"batch": 8, "size": 64, "width": 32, "depth": 6}
_AXES = {
    "batch": (2, 4, 8, 16, 32),
    "size": (32, 64, 128, 256),
    "width": (16, 32, 64),
    "depth": (3, 6, 12, 24),
}
_QUICK_AXES = {"batch": (4, 16), "size": (32, 128)}


def jobs(quick, threads):
    """List the jobs by axis: training steps of dncnn, with one size varied."""
    axes = _QUICK_AXES if quick else _AXES
    return {
        axis: [Job("fnnet", "train", "dncnn", threads, _BASE | {axis: value}) for value in values]
        for axis, values in axes.items()
    }


def pixels(job):
    """Return the number of pixels in a batch."""
    return math.prod(job.shape[:3])
