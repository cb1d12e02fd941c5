"""Tables of scores and of costs."""

import numpy as np
from rich.table import Table

from experiments.cli.console import number

_ROWS = 60
_LABELS = {"train": "training", "validation": "held-out", "test": "held-out", "new": "new"}


def score_table(scores, task, quality, *, downscale=1.0, stamp=None):
    """Lay out one row per held-out or new image, and the means, training images last.

    Of a large set the first 60 images get a row; the means are over all. The title states a
    `downscale` other than 1, and a `stamp`: a warning, with which training images get rows too.
    """
    title = _title(scores, task, quality, downscale)
    coded = _coded(scores)
    table = Table(title=f"{title}\n{stamp}" if stamp else title, title_justify="left")
    # The one column that gives way on a narrow terminal: no number is ever cut.
    table.add_column("image", overflow="fold")
    table.add_column("split", no_wrap=True)
    for name in (
        "JPEG\nbpp",
        "JPEG\nPSNR",
        "JPEG\nSSIM",
        *(["network\nbpp"] if coded else []),
        "network\nPSNR",
        "network\nSSIM",
        "gain\ndB",
    ):
        table.add_column(name, justify="right", no_wrap=True)
    groups = {}
    for score in scores:
        groups.setdefault(_LABELS[score.side], []).append(score)
    for label in ("held-out", "new", *(["training"] if stamp else [])):
        group = groups.get(label, [])
        for score in group[:_ROWS]:
            table.add_row(score.name, label, *_cells([score], coded))
        if len(group) > _ROWS:
            table.add_row(f"and {len(group) - _ROWS} more", label)
    table.add_section()
    for label in ("held-out", "new", "training"):
        if label in groups:
            table.add_row(f"mean of {len(groups[label])}", label, *_cells(groups[label], coded))
    return table


def _coded(scores):
    return any(score.bits_per_pixel is not None for score in scores)


def _title(scores, task, quality, downscale):
    meaning = {
        "autoencode": "the network's reconstruction against the original",
        "emulate": "the network's output against the JPEG version, its target",
        "restore": "the restored JPEG against the original",
    }[task.name]
    title = f"{task.name}: {meaning}; JPEG at quality {quality} against the original"
    if _coded(scores):
        title = (
            "autoencode: the image decoded from the network's file, and JPEG of at most as many "
            "bytes, against the original"
        )
    return title if downscale == 1 else f"{title}; images scaled down by {downscale:g}"


def _cells(scores, coded):
    psnr = _mean(score.psnr for score in scores)
    jpeg_psnr = _mean(score.jpeg_psnr for score in scores)
    rate = number(_mean(score.bits_per_pixel for score in scores), ".3f")
    return (
        number(_mean(score.jpeg_bits_per_pixel for score in scores), ".3f"),
        number(jpeg_psnr, ".2f"),
        number(_mean(score.jpeg_ssim for score in scores), ".4f"),
        *([rate] if coded else []),
        number(psnr, ".2f"),
        number(_mean(score.ssim for score in scores), ".4f"),
        number(psnr - jpeg_psnr, "+.2f"),
    )


def _mean(values):
    """Average the values that are not None; None if none is left."""
    values = [value for value in values if value is not None]
    return float(np.mean(values)) if values else None


def cost_lines(cost):
    """Yield the lines that describe a network's costs."""
    latents = cost.latents_per_value
    yield f"parameters                {cost.parameters:,}"
    yield f"multiply-adds per pixel   {cost.multiply_adds_per_pixel:,.0f}"
    bottleneck = "none" if latents is None else f"1 number for {1 / latents:.1f} of the image's"
    yield f"bottleneck                {bottleneck}"
