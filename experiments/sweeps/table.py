"""Console output of a sweep: a line for each run, a table for each axis."""

from typing import NamedTuple

from rich.table import Table

from experiments.cli.console import number


class _Means(NamedTuple):
    """Means over held-out images; None where there are none."""

    psnr: float | None
    gain: float | None
    bits_per_pixel: float | None


def _means(record):
    images = record.held_out
    coded = all(image.file_bytes is not None for image in images)
    # An imitation of JPEG is set beside the JPEG version itself: that is no gain over it.
    is_gain = record.trial.task != "emulate"
    return _Means(
        _mean(image.psnr for image in images),
        _mean(image.psnr - image.jpeg_psnr for image in images) if is_gain else None,
        _mean(8 * image.file_bytes / image.pixels for image in images) if coded else None,
    )


def line(record):
    """Describe a run that has ended in one line."""
    trial = record.trial
    name = f"{trial.axis}={trial.value} seed {trial.seed}"
    if record.status == "diverged":
        return f"{name}: diverged after {record.steps} steps"
    psnr, gain, rate = _means(record)
    parts = [
        f"{psnr:.2f} dB",
        *([f"{gain:+.2f} dB to JPEG"] if gain is not None else []),
        *([f"{rate:.3f} bits per pixel"] if rate is not None else []),
        *([f"{record.seconds:.1f} s of training"] if record.seconds is not None else []),
    ]
    return f"{name}: {', '.join(parts)}"


def axis_table(axis, records):
    """Lay out a row per value: means over its runs that did not diverge. Mark the baseline."""
    table = Table(title=f"{axis} ({records[0].trial.budget} budget)", title_justify="left")
    table.add_column(axis, overflow="fold")
    columns = ("runs", "diverged", "PSNR\ndB", "gain over\nJPEG, dB", "bits per\npixel", "seconds")
    for name in columns:
        table.add_column(name, justify="right", no_wrap=True)
    groups = {}
    for record in records:
        groups.setdefault(record.trial.value, []).append(record)
    for value, group in groups.items():
        mark = " (baseline)" if group[0].trial.baseline else ""
        finished = [record for record in group if record.status == "finished"]
        diverged = len(group) - len(finished)
        means = [_means(record) for record in finished]
        table.add_row(
            value + mark,
            f"{len(group)}",
            f"{diverged}" if diverged else "",
            number(_mean(each.psnr for each in means), ".2f"),
            number(_mean(each.gain for each in means), "+.2f"),
            number(_mean(each.bits_per_pixel for each in means), ".3f"),
            number(_mean(record.seconds for record in finished), ".1f"),
        )
    return table


def _mean(values):
    """Return the mean; None if there are no values or one of them is None."""
    values = list(values)
    return None if not values or None in values else sum(values) / len(values)
