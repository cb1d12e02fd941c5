"""Tables of scores and of costs."""

from rich.table import Table

from experiments.cli.console import number
from experiments.evaluation.scores import mean

_ROWS = 60
_SIDES = {"train": "training", "validation": "held-out", "test": "held-out", "new": "new"}


def side_label(side):
    """Say of a side of the split whether the network has seen its images."""
    return _SIDES[side]


def score_table(scores, task, quality, *, downscale=1.0, stamp=None):
    """Lay out one row a held-out or new image, and the means, training images last.

    Of a large set the first 60 images get a row; the means are over all. `downscale` is told in
    the title where images were made smaller, and so is a `stamp` that says what the table does
    not show; training images have rows then.
    """
    title = _title(scores, task, quality, downscale)
    coded = _coded(scores)
    table = Table(title=f"{title}\n{stamp}" if stamp else title, title_justify="left")
    # The one column that gives way on a narrow terminal: no number is ever cut.
    table.add_column("image", overflow="fold")
    table.add_column("side", no_wrap=True)
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
        groups.setdefault(side_label(score.side), []).append(score)
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
            "autoencode: what is decoded from the network's file, and JPEG of at most as many "
            "bytes, against the original"
        )
    return title if downscale == 1 else f"{title}; images scaled down by {downscale:g}"


def _cells(scores, coded):
    names = ("jpeg_bits_per_pixel", "jpeg_psnr", "jpeg_ssim", "bits_per_pixel", "psnr", "ssim")
    values = {name: mean(scores, name) for name in names}
    gain = values["psnr"] - values["jpeg_psnr"]
    return (
        number(values["jpeg_bits_per_pixel"], ".3f"),
        number(values["jpeg_psnr"], ".2f"),
        number(values["jpeg_ssim"], ".4f"),
        *([number(values["bits_per_pixel"], ".3f")] if coded else []),
        number(values["psnr"], ".2f"),
        number(values["ssim"], ".4f"),
        number(gain, "+.2f"),
    )


def cost_lines(cost):
    """Say in a few lines what a network costs."""
    yield f"parameters              {cost.parameters:,}"
    yield f"multiply-adds a pixel   {cost.multiply_adds_per_pixel:,.0f}"
    if cost.latents_per_value is None:
        yield "bottleneck              none"
    else:
        yield (
            f"bottleneck              1 number for {1 / cost.latents_per_value:.1f} of the image's"
        )
