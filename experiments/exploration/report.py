"""What is printed of a set that was explored."""

from collections import Counter, defaultdict

from rich import box
from rich.table import Table

from experiments.cli.console import counted, number
from experiments.exploration.descriptors import GRID_LEAST, rank_correlation
from experiments.exploration.findings import GRID_SHOWS
from experiments.images import known_copies, same_photographs
from experiments.system.errors import some

ROWS = 60  # images in the table
DISTINCT = 12  # more qualities than these are put into bins
BINS = (1, 2, 6, 11, 21, 41, 61, 81, 96, 101)
FIGURES = (
    ("bits_per_pixel", "bits/pixel", ".3f"),
    ("psnr", "PSNR dB", ".2f"),
    ("ssim", "SSIM", ".3f"),
    ("blockiness", "blockiness", ".2f"),
)


def print_report(terminal, found):
    """Print what is known of a set: facts, images, versions, scores."""
    for name, text in facts(found):
        terminal.print(f"{name:12} {text}", soft_wrap=True)
    terminal.print(image_table(found))
    if found.compressed:
        terminal.print(version_table(found))
    for line in verdicts(found):
        terminal.print(f"\n{line}", soft_wrap=True)
    if any(measure.score is not None for measure in found.compressed):
        terminal.print(score_table(found))


def facts(found):
    """Say in a few lines what the set is: pairs of a heading and a sentence."""
    rows, image_set = found.descriptions, found.image_set
    yield "set", f"{image_set.name}: {image_set.layout}"
    if image_set.folder is not None:
        yield "folder", _folder(image_set)
    grey = sum(row.is_grey for row in rows)
    yield "originals", f"{len(rows)}: {len(rows) - grey} in colour, {grey} grey"
    yield "sizes", _counted([f"of {row.width}x{row.height}" for row in rows])
    if found.sides:
        yield "split", _counted(list(found.sides.values()))
    if image_set.versions:
        yield "versions", _versions(found)
    groups = same_photographs(image_set.originals)
    same = [" = ".join(names) for names in groups if len(names) > 1]
    yield "duplicates", some(same) if same else "none: no two originals show one photograph"
    copies = [f"{count} in {name}" for name, count in known_copies(image_set.originals).items()]
    if copies:
        yield "known copies", ", ".join(copies)
    qualities = [row.file_quality for row in rows if row.file_quality is not None]
    if qualities:
        yield "JPEG files", _counted([f"of quality {quality}" for quality in qualities])
    yield "earlier JPEG", _grids(rows)
    if found.faults:
        yield "faults", f"{len(found.faults)} left out: {some(found.faults, '; ')}"


def _versions(found):
    """Count the versions that came with the set, and name those that are missing."""
    image_set = found.image_set
    copies = sum(measure.is_lossless for measure in found.measures)
    text = f"{len(image_set.versions)} with the set"
    text += f", {copies} of them lossless copies" if copies else ""
    return "; ".join([text, *filter(None, map(image_set.pairing_fault, image_set.qualities))])


def _folder(image_set):
    """Name the set's folder, and the one within it where the originals lie."""
    folders = {image.path.parent for image in image_set.originals}
    inside = [str(folder) for folder in sorted(folders) if folder != image_set.folder]
    return f"{image_set.folder}" + (f", originals in {some(inside)}" if inside else "")


def _grids(rows):
    searched = [row for row in rows if row.strongest_grid is not None]
    if not searched:
        return f"not looked for: no original has {GRID_LEAST}x{GRID_LEAST} pixels"
    shown = [row for row in searched if row.strongest_grid > GRID_SHOWS]
    if not shown:
        return "none: no original shows an 8x8 grid"
    shown.sort(key=lambda row: -row.strongest_grid)
    names = some([f"{row.image} {row.strongest_grid:.2f}" for row in shown])
    return f"an 8x8 grid, as if compressed before, in {len(shown)} of {len(searched)}: {names}"


def image_table(found):
    """Lay out one row an original, and the mean and range of all."""
    table = _table(f"originals: {len(found.descriptions)}")
    table.caption = (
        "luma 0..255 and its standard deviation; colour: Hasler & Süsstrunk's colourfulness; "
        "noise: standard deviation in grey levels, fine texture included; sharpness 0..1; "
        "grid: 1 shows no 8x8 blocks"
    )
    # The one column that gives way on a narrow terminal: no number is ever cut.
    table.add_column("image", max_width=28)
    for name in ("size", "side"):
        table.add_column(name, no_wrap=True)
    for name in ("luma", "contrast", "colour", "noise", "sharp", "grid"):
        table.add_column(name, justify="right", no_wrap=True)
    rows = found.descriptions
    for row in rows[:ROWS]:
        size = f"{row.width}x{row.height}" + (" grey" if row.is_grey else "")
        side = found.sides.get(row.image, "")
        table.add_row(
            row.image, size, side, *_descriptors(lambda name, row=row: getattr(row, name))
        )
    if len(rows) > ROWS:
        table.add_row(f"and {len(rows) - ROWS} more", "in pictures.tsv")
    table.add_section()
    for label, choose in (("mean", _mean), ("lowest", min), ("highest", max)):
        values = _descriptors(lambda name, choose=choose: _over(rows, name, choose))
        table.add_row(label, "", "", *values)
    return table


def _descriptors(get):
    forms = (
        *(("brightness", ".0f"), ("contrast", ".0f"), ("colorfulness", ".0f")),
        *(("noise_sigma", ".1f"), ("sharpness", ".2f"), ("strongest_grid", ".2f")),
    )
    return [number(get(name), form) for name, form in forms]


def version_table(found):
    """Lay out one row a quality: mean and range over the images."""
    own = bool(found.image_set.versions)
    images = counted(len({measure.image for measure in found.compressed}), "image")
    title = "versions that came with the set" if own else f"JPEG made now of {images}"
    table = _table(f"{title}: mean (lowest–highest)")
    for name in ("quality", "count"):
        table.add_column(name, justify="right", no_wrap=True)
    for _, name, _ in FIGURES:
        table.add_column(name, justify="right")
    for label, group in by_quality(found.compressed).items():
        table.add_row(label, str(len(group)), *(_spread(group, *figure) for figure in FIGURES))
    return table


def by_quality(measures):
    """Group versions by quality, or by ranges of it where there are many; unknown ones last."""
    known = sorted({measure.quality for measure in measures if measure.quality is not None})
    groups = {label: [] for label in map(_bin, known)} if len(known) > DISTINCT else {}
    groups = groups or {str(quality): [] for quality in known}
    for measure in measures:
        label = "unknown" if measure.quality is None else str(measure.quality)
        if label not in groups and measure.quality is not None:
            label = _bin(measure.quality)
        groups.setdefault(label, []).append(measure)
    return groups


def _bin(quality):
    index = max(i for i, low in enumerate(BINS) if low <= quality)
    low, high = BINS[index], BINS[index + 1] - 1
    return str(low) if low == high else f"{low} to {high}"


def _spread(group, name, _, form):
    lowest, highest = (_over(group, name, choose) for choose in (min, max))
    if lowest is None:
        return "–"
    mean = number(_over(group, name, _mean), form)
    return f"{mean} ({number(lowest, form)}–{number(highest, form)})"


def verdicts(found):
    """Say what the qualities rest on, and whether stated ones agree with the pixels: sentences."""
    groups = defaultdict(list)
    for measure in found.compressed:
        if measure.quality_from != "made":
            groups[measure.stated_quality].append(measure)
    yield from (_verdict(stated, groups[stated]) for stated in sorted(groups, key=lambda q: q or 0))
    copies = [m for m in found.measures if m.is_lossless and m.stated_bits_per_pixel]
    if copies:
        yield (
            f"{_are(len(copies))} the original, pixel for pixel, though the index gives a rate: "
            f"{_files(copies)}"
        )
    others = [m for m in found.compressed if m.stated_lossless]
    if others:
        yield (
            f"{_are(len(others))} not the original, though the index calls that a lossless copy: "
            f"{_files(others)}"
        )
    wrong = [measure for measure in found.compressed if measure.has_wrong_rate]
    if wrong:
        yield _wrong_rates(wrong, found.compressed)


def _wrong_rates(wrong, compressed):
    comparable = [
        m for m in compressed if None not in (m.stated_bits_per_pixel, m.file_bits_per_pixel)
    ]
    worst = max(wrong, key=lambda m: abs(m.stated_bits_per_pixel / m.file_bits_per_pixel - 1))
    return (
        f"rates: {len(wrong)} of {len(comparable)} in the index differ from those of the files, "
        f"most that of {worst.path.name}: {worst.stated_bits_per_pixel:.3f} bits/pixel, and the "
        f"file has {worst.file_bits_per_pixel:.3f}; all are in versions.tsv"
    )


def _verdict(stated, group):
    """Describe the versions of one stated quality, None for those without."""
    by_origin = {"pixels": [], "tables": [], "other": [], "unknown": []}
    for measure in group:
        fits = stated in (None, measure.quality) or measure.quality_from == "unknown"
        by_origin[measure.quality_from if fits else "other"].append(measure)
    exact = by_origin["pixels"]
    parts = [
        f"{len(exact)} of {len(group)} are Pillow's JPEG at {_at(stated, exact)}, pixel for pixel"
    ]
    if by_origin["tables"]:
        parts.append(
            f"{_are(len(by_origin['tables']))} told by the tables in the JPEG file, its pixels are "
            f"of another form ({_files(by_origin['tables'])})"
        )
    if by_origin["other"]:
        names = some([f"{m.path.name}: {m.quality}" for m in by_origin["other"]])
        parts.append(f"{_are(len(by_origin['other']))} of another quality ({names})")
    if by_origin["unknown"]:
        count = _are(len(by_origin["unknown"]))
        parts.append(f"{count} not libjpeg's, quality unknown ({_files(by_origin['unknown'])})")
    heading = f"stated quality {stated}" if stated else "qualities"
    return f"{heading}: {'; '.join(parts)}"


def _at(stated, exact):
    if stated:
        return f"quality {stated}"
    qualities = sorted({measure.quality for measure in exact})
    return f"a quality from {qualities[0]} to {qualities[-1]}" if qualities else "any quality"


def _are(count):
    return f"{count} is" if count == 1 else f"{count} are"


def _files(measures):
    return some([measure.path.name for measure in measures])


def score_table(found):
    """Lay out how well each figure ranks the versions as the opinion scores do."""
    scored = [measure for measure in found.compressed if measure.score is not None]
    name = found.image_set.score_name or "opinion score"
    table = _table("rank correlation (Spearman)")
    for heading in ("figure", name, "versions"):
        table.add_column(heading, justify="left" if heading == "figure" else "right")
    for field, heading, _ in (("quality", "quality", ""), *FIGURES):
        value, count = rank_correlation(
            [getattr(measure, field) for measure in scored], [measure.score for measure in scored]
        )
        table.add_row(heading, number(value, ".3f"), str(count))
    return table


def _table(title):
    # Narrow, so that it fits a terminal of 80 columns.
    return Table(
        title=f"\n{title}",
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE,
        show_edge=False,
        padding=(0, 1, 0, 0),
    )


def _over(rows, name, choose):
    values = [getattr(row, name) for row in rows if getattr(row, name) is not None]
    return choose(values) if values else None


def _mean(values):
    return sum(values) / len(values)


def _counted(labels):
    counts = Counter(labels).most_common()
    return some([f"{count} {label}" for label, count in counts])
