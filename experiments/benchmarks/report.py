"""What is told of a benchmark: tables and sentences for the terminal, and JSON."""

import json

from rich.table import Table

from experiments.benchmarks import growth, networks
from experiments.benchmarks.jobs import PRODUCT_SIZE, VARIANTS
from experiments.benchmarks.rounds import ratio
from experiments.cli.console import number

MODES = {"train": "training step", "infer": "inference"}
_TITLES = {
    "train": "training step with Adam on the mean squared error",
    "infer": "inference of one image of 768x512 (dense: of 384 patches of 32x32)",
}
_GROWTH_UNITS = {
    "batch": "images",
    "size": "pixels a side",
    "width": "channels",
    "depth": "convolutions",
}


def ceiling(timings):
    """Tell the fastest product of matrices, of whichever framework, in operations a second."""
    return max((2 * PRODUCT_SIZE**3 / timing.minimum for timing in timings["product",]), default=0)


def reference(timing, beside):
    """Find ours of the same precision among `beside`, or float32's for ours; None if not there."""
    name = VARIANTS[timing.job.variant].like
    others = (other for other in beside if other.job.variant == name)
    return next((other for other in others if other is not timing), None)


def parts(timings, machine, megapixels):
    """Yield everything to print, tables and lines of text.

    Parameters
    ----------
    timings : dict of tuple to list of Timing
        What `session.measure` gives.
    machine : dict
        Names and values to print first.
    megapixels : float
        Of all images of the reconstruct comparison together.
    """
    yield from (f"{name:15} {value}" for name, value in machine.items())
    yield from _products(timings)
    for mode, title in _TITLES.items():
        compared = {label[1]: found for label, found in timings.items() if label[0] == mode}
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
    for network, found in compared.items():
        table.add_section()
        heads = _network_heads(network, found)
        for index in range(max(len(heads), len(found))):
            head = heads[index] if index < len(heads) else ""
            cells = _cells(found[index], found, most) if index < len(found) else ()
            table.add_row(head, *cells)
    return table


def _network_heads(network, found):
    if not found:
        return [network, "nothing measured"]
    job = found[0].job
    work = networks.operations(job.build(), job.mode) / 1e9
    return [
        network,
        f"{networks.parameters(job.build()):,} par.",
        f"{work:.1f} GFLOP",
        "x".join(map(str, job.shape)),
    ]


def _cells(timing, found, most):
    job = timing.job
    rate = networks.operations(job.build(), job.mode) / timing.median
    ours = reference(timing, found)
    told = ratio(timing, ours) if ours else None
    return (
        job.variant,
        f"{1e3 * timing.median:.1f}",
        f"{1e3 * timing.minimum:.1f}",
        f"{told.median:.2f} ({told.low:.2f}–{told.high:.2f})" if told else "–",
        f"{100 * rate / most:.0f} %" if most and _is_float32(timing) else "–",
        f"{timing.told['compile_seconds']:.1f}",
        _megabytes(timing.told["peak_bytes"]),
    )


def _is_float32(timing):
    return VARIANTS[timing.job.variant].precision == "float32"


def _megabytes(count):
    return number(None if count is None else count / 1e6, ".0f")


def _losses(timings):
    """Say where ours is slower, and whether the rounds agree on it."""
    yield "x ours: how many times as long as ours of the same precision (fnnet-bf16: as fnnet)."
    for (mode, *rest), found in timings.items():
        for timing in found if mode in MODES else ():
            ours = reference(timing, found)
            if not ours or VARIANTS[timing.job.variant].framework == "fnnet":
                continue
            told = ratio(timing, ours)
            if told.median < 1:
                sure = "" if told.high < 1 else ", not in all rounds"
                yield (
                    f"slower: {ours.job.variant} takes {1 / told.median:.2f} times as long as "
                    f"{timing.job.variant} for {rest[0]}, {MODES[mode]}{sure}"
                )


def _seed_lines(timings):
    """Say what training from several seeds at once costs."""
    for (kind, *rest), found in timings.items():
        if kind == "seeds" and len(found) == 2:
            told = ratio(found[1], found[0])
            yield (
                f"three seeds at once, {rest[0]}: {told.median:.2f} times one seed's step "
                f"({told.low:.2f}–{told.high:.2f})"
            )


def _growth_table(timings):
    table = Table(title="fnnet's training step as work grows (dncnn)", title_justify="left")
    table.add_column("", no_wrap=True)
    for name in ("", "ms", "ns a pixel", "GFLOP/s", "temporary bytes a pixel", "peak MB"):
        table.add_column(name, justify="right", no_wrap=True)
    for (kind, *rest), found in timings.items():
        if kind == "growth":
            table.add_section()
            for timing in found:
                table.add_row(*_growth_cells(rest[0], timing))
    return table


def _levels(timings):
    """Say how far the time a pixel is from level, where it should be."""
    for axis in ("batch", "size"):
        found = timings["growth", axis]
        costs = [timing.median / growth.pixels(timing.job) for timing in found]
        if costs:
            most = max(costs) / min(costs)
            yield f"along the {axis}, a pixel's time differs by a factor of at most {most:.2f}"


def _growth_cells(axis, timing):
    job, temporary = timing.job, timing.told["temporary_bytes"]
    count = growth.pixels(job)
    return (
        f"{axis}, {_GROWTH_UNITS[axis]}",
        f"{job.settings[axis]}",
        f"{1e3 * timing.median:.1f}",
        f"{1e9 * timing.median / count:.0f}",
        f"{networks.operations(job.build(), 'train') / timing.median / 1e9:.0f}",
        number(None if temporary is None else temporary / count, ".0f"),
        _megabytes(timing.told["peak_bytes"]),
    )


def _reconstruct_lines(found, megapixels):
    yield f"reconstruct, {megapixels:.1f} megapixels of photographs, megapixels a second:"
    for timing in found:
        what = "with reading and writing PNG" if timing.job.settings["files"] else "network alone"
        rate, best = megapixels / timing.median, megapixels / timing.minimum
        yield (
            f"  {timing.job.network:11} {what:29} {rate:6.2f} (best {best:.2f}); "
            f"peak {_megabytes(timing.told['peak_bytes'])} MB"
        )


def to_json(timings, machine, megapixels):
    """Write everything that was measured, every call's seconds included, as JSON text."""
    record = {
        "machine": machine,
        "ceiling_flops": ceiling(timings),
        "megapixels": megapixels,
        "comparisons": {
            "/".join(label): [_record(timing, found) for timing in found]
            for label, found in timings.items()
        },
    }
    return json.dumps(record, indent=1) + "\n"


def _record(timing, found):
    ours = reference(timing, found) if timing.job.mode in MODES else None
    return {
        **vars(timing.job),
        "median_seconds": timing.median,
        "minimum_seconds": timing.minimum,
        "times_ours": ratio(timing, ours)._asdict() if ours else None,
        **timing.told,
        "turns": timing.turns,
    }
