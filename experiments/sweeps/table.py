"""What is printed of a sweep: a line for each run, a table for each axis."""

from rich.table import Table

from experiments.cli.console import number


def figures(record):
    """Average a record's held-out images: PSNR, gain over JPEG and bits a pixel, None if none."""
    images = record["held_out"]
    if not images:
        return {"psnr": None, "gain": None, "bpp": None}
    psnr = _mean(image["psnr"] for image in images)
    coded = all(image["file_bytes"] is not None for image in images)
    # An imitation of JPEG is set beside the JPEG version itself: that is no gain over it.
    gains = [image["psnr"] - image["jpeg_psnr"] for image in images]
    gain = None if record["trial"]["task"] == "emulate" else _mean(gains)
    rates = [8 * image["file_bytes"] / image["pixels"] for image in images if coded]
    return {"psnr": psnr, "gain": gain, "bpp": _mean(rates) if coded else None}


def line(record):
    """Tell about one run that has ended."""
    trial = record["trial"]
    name = f"{trial['axis']}={trial['value']} seed {trial['seed']}"
    if record["status"] == "diverged":
        return f"{name}: diverged after {record['steps']} steps"
    found = figures(record)
    parts = [
        f"{found['psnr']:.2f} dB",
        *([f"{found['gain']:+.2f} dB to JPEG"] if found["gain"] is not None else []),
        *([f"{found['bpp']:.3f} bits a pixel"] if found["bpp"] is not None else []),
        *([f"{record['seconds']:.1f} s of training"] if record["seconds"] is not None else []),
    ]
    return f"{name}: {', '.join(parts)}"


def axis_table(axis, records):
    """Lay out one row a value, means over its runs that did not diverge; the baseline is marked."""
    budget = records[0]["trial"]["budget"]
    table = Table(title=f"{axis} ({budget} budget)", title_justify="left")
    table.add_column(axis, overflow="fold")
    for name in ("runs", "diverged", "PSNR\ndB", "gain over\nJPEG, dB", "bits a\npixel", "seconds"):
        table.add_column(name, justify="right", no_wrap=True)
    groups = {}
    for record in records:
        groups.setdefault(record["trial"]["value"], []).append(record)
    for value, group in groups.items():
        mark = " (baseline)" if group[0]["trial"]["baseline"] else ""
        finished = [record for record in group if record["status"] == "finished"]
        diverged = len(group) - len(finished)
        found = [figures(record) for record in finished]
        table.add_row(
            value + mark,
            f"{len(group)}",
            f"{diverged}" if diverged else "",
            *(
                number(_mean(each[name] for each in found), form)
                for name, form in (("psnr", ".2f"), ("gain", "+.2f"), ("bpp", ".3f"))
            ),
            number(_mean(record["seconds"] for record in finished), ".1f"),
        )
    return table


def _mean(values):
    """Average; None if there is nothing, or a part of it has no value."""
    values = list(values)
    return None if not values or None in values else sum(values) / len(values)
