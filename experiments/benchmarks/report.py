"""Report of a benchmark: tables and sentences for the terminal, and JSON."""

import json
from dataclasses import asdict
from itertools import zip_longest

from rich.table import Table

from experiments.benchmarks import growth, networks
from experiments.benchmarks.jobs import PRODUCT_SIZE, VARIANTS, Photographs
from experiments.benchmarks.rounds import ratio
from experiments.cli.console import number

MODES = {"train": "training step", "infer": "inference"}
_TITLES = {
    "train": "training step with Adam on the mean squared error",
    "infer": "inference of one image of 768x512 (dense: of 384 patches of 32x32)",
}
_GROWTH_UNITS = {
    "batch": "images",
    "size": "pixels per side",
    "width": "channels",
    "depth": "convolutions",
}


def ceiling(timings):
    """Return the speed of the fastest matrix product of any framework, in operations per second."""
    return max((2 * PRODUCT_SIZE**3 / timing.minimum for timing in timings["product",]), default=0)


def reference(timing, group):
    """Return fnnet's timing of equal precision in a group (float32's for its own), or None."""
    name = VARIANTS[timing.job.variant].like
    others = (other for other in group if other.job.variant == name)
    return next((other for other in others if other is not timing), None)


def parts(timings, machine, megapixels):
    """Yield all tables and lines to print; the images of reconstruct have `megapixels` together."""
    yield from (f"{name:15} {value}" for name, value in machine.items())
    yield from _products(timings)
    for mode, title in _TITLES.items():
        compared = {label[1]: group for label, group in timings.items() if label[0] == mode}
        yield _comparison_table(title, compared, ceiling(timings))
    yield from _losses(timings)
    yield from _seed_lines(timings)
    yield _growth_table(timings)
    yield from _levels(timings)
    yield from _reconstruct_lines(timings["reconstruct",], megapixels)


def _products(timings):
    yield f"\nproducts of {PRODUCT_SIZE}x{PRODUCT_SIZE} float32 matrices, best call, GFLOP/s:"
    for timing in timings["product",]:
        rate = 2 * PRODUCT_SIZE**3 / timing.minimum / 1e9
        yield f"  {timing.job.variant:13} {rate:.0f}"
    yield f"the fastest is the ceiling below: {ceiling(timings) / 1e9:.0f} GFLOP/s"


def _comparison_table(title, compared, most):
    table = Table(title=title, title_justify="left")
    table.add_column("network", no_wrap=True)
    table.add_column("variant", no_wrap=True)
    names = ("median\nms", "min\nms", "x ours\n(quartiles)", "of\nceiling", "compile\ns")
    for name in (*names, "peak\nMB"):
        table.add_column(name, justify="right", no_wrap=True)
    for network, group in compared.items():
        table.add_section()
        rows = (_cells(timing, group, most) for timing in group)
        for head, cells in zip_longest(_network_heads(network, group), rows):
            table.add_row(head or "", *(cells or ()))
    return table


def _network_heads(network, group):
    if not group:
        return [network, "nothing measured"]
    job = group[0].job
    work = networks.operations(job.build(), job.mode) / 1e9
    return [
        network,
        f"{networks.parameters(job.build()):,} par.",
        f"{work:.1f} GFLOP",
        "x".join(map(str, job.shape)),
    ]


def _cells(timing, group, most):
    job = timing.job
    rate = networks.operations(job.build(), job.mode) / timing.median
    ours = reference(timing, group)
    relative = ratio(timing, ours) if ours else None
    is_float32 = VARIANTS[job.variant].precision == "float32"
    return (
        job.variant,
        f"{1e3 * timing.median:.1f}",
        f"{1e3 * timing.minimum:.1f}",
        f"{relative.median:.2f} ({relative.low:.2f}–{relative.high:.2f})" if relative else "–",
        f"{100 * rate / most:.0f} %" if most and is_float32 else "–",
        f"{timing.costs.compile_seconds:.1f}",
        _megabytes(timing.costs.peak_bytes),
    )


def _megabytes(count):
    return number(None if count is None else count / 1e6, ".0f")


def _losses(timings):
    """Yield where fnnet is slower, and whether the rounds agree."""
    yield "x ours: time relative to ours of the same precision (fnnet-bf16: to fnnet)."
    for (mode, *rest), group in timings.items():
        for timing in group if mode in MODES else ():
            ours = reference(timing, group)
            if not ours or VARIANTS[timing.job.variant].framework == "fnnet":
                continue
            relative = ratio(timing, ours)
            if relative.median < 1:
                sure = "" if relative.high < 1 else ", not in all rounds"
                yield (
                    f"slower: {ours.job.variant} takes {1 / relative.median:.2f} times as long as "
                    f"{timing.job.variant} for {rest[0]}, {MODES[mode]}{sure}"
                )


def _seed_lines(timings):
    """Yield the cost of training from several seeds at once."""
    for (kind, *rest), group in timings.items():
        if kind == "seeds" and len(group) == 2:
            several = ratio(group[1], group[0])
            yield (
                f"three seeds at once, {rest[0]}: {several.median:.2f} times one seed's step "
                f"({several.low:.2f}–{several.high:.2f})"
            )


def _growth_table(timings):
    table = Table(title="fnnet's training step as work grows (dncnn)", title_justify="left")
    table.add_column("", no_wrap=True)
    for name in ("", "ms", "ns per pixel", "GFLOP/s", "temporary bytes per pixel", "peak MB"):
        table.add_column(name, justify="right", no_wrap=True)
    for (kind, *rest), group in timings.items():
        if kind == "growth":
            table.add_section()
            for timing in group:
                table.add_row(*_growth_cells(rest[0], timing))
    return table


def _levels(timings):
    """Yield the range of the time per pixel along the axes where it should be constant."""
    for axis in ("batch", "size"):
        group = timings["growth", axis]
        per_pixel = [timing.median / growth.pixels(timing.job) for timing in group]
        if per_pixel:
            factor = max(per_pixel) / min(per_pixel)
            yield f"along the {axis}, a pixel's time differs by a factor of at most {factor:.2f}"


def _growth_cells(axis, timing):
    job, temporary = timing.job, timing.costs.temporary_bytes
    count = growth.pixels(job)
    return (
        f"{axis}, {_GROWTH_UNITS[axis]}",
        f"{job.settings[axis]}",
        f"{1e3 * timing.median:.1f}",
        f"{1e9 * timing.median / count:.0f}",
        f"{networks.operations(job.build(), 'train') / timing.median / 1e9:.0f}",
        number(None if temporary is None else temporary / count, ".0f"),
        _megabytes(timing.costs.peak_bytes),
    )


def _reconstruct_lines(group, megapixels):
    yield f"reconstruct, {megapixels:.1f} megapixels of photographs, megapixels per second:"
    for timing in group:
        with_files = Photographs(**timing.job.settings).files
        work = "with reading and writing PNG" if with_files else "network alone"
        rate, best = megapixels / timing.median, megapixels / timing.minimum
        yield (
            f"  {timing.job.network:11} {work:29} {rate:6.2f} (best {best:.2f}); "
            f"peak {_megabytes(timing.costs.peak_bytes)} MB"
        )


def to_json(timings, machine, megapixels):
    """Return all measurements, every call's seconds included, as JSON text."""
    record = {
        "machine": machine,
        "ceiling_flops": ceiling(timings),
        "megapixels": megapixels,
        "comparisons": {
            "/".join(label): [_record(timing, group) for timing in group]
            for label, group in timings.items()
        },
    }
    return json.dumps(record, indent=1) + "\n"


def _record(timing, group):
    ours = reference(timing, group) if timing.job.mode in MODES else None
    return {
        **vars(timing.job),
        "median_seconds": timing.median,
        "minimum_seconds": timing.minimum,
        "times_ours": ratio(timing, ours)._asdict() if ours else None,
        **asdict(timing.costs),
        "turns": timing.turns,
    }
