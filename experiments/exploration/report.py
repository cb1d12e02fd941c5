"""The report of an exploration, as printed: facts, tables, and checks of what a set states."""

from bisect import bisect
from collections import Counter, defaultdict
from statistics import fmean

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
# Columns: field, heading, format.
DESCRIPTORS = (
    ("brightness", "luma", ".0f"),
    ("contrast", "contrast", ".0f"),
    ("colorfulness", "colour", ".0f"),
    ("noise_sigma", "noise", ".1f"),
    ("sharpness", "sharp", ".2f"),
    ("strongest_grid", "grid", ".2f"),
)
FIGURES = (
    ("bits_per_pixel", "bits/pixel", ".3f"),
    ("psnr", "PSNR dB", ".2f"),
    ("ssim", "SSIM", ".3f"),
    ("blockiness", "blockiness", ".2f"),
)


def print_report(terminal, exploration):
    """Print facts, images, versions, checks and scores of a set."""
    for heading, text in facts(exploration):
        terminal.print(f"{heading:12} {text}", soft_wrap=True)
    terminal.print(image_table(exploration))
    if exploration.compressed:
        terminal.print(version_table(exploration))
    for line in verdicts(exploration):
        terminal.print(f"\n{line}", soft_wrap=True)
    if exploration.scored:
        terminal.print(score_table(exploration))


def facts(exploration):
    """Yield the facts about a set: pairs of a heading and a sentence."""
    rows, image_set = exploration.descriptions, exploration.image_set
    yield "set", f"{image_set.name}: {image_set.layout}"
    if image_set.folder is not None:
        yield "folder", _folder(image_set)
    grey = sum(row.is_grey for row in rows)
    yield "originals", f"{len(rows)}: {len(rows) - grey} in colour, {grey} grey"
    yield "sizes", _counted(f"of {row.width}x{row.height}" for row in rows)
    if exploration.splits:
        yield "split", _counted(exploration.splits.values())
    if image_set.versions:
        yield "versions", _versions(exploration)
    groups = same_photographs(image_set.originals)
    same = [" = ".join(names) for names in groups if len(names) > 1]
    yield "duplicates", some(same) if same else "none: no two originals show one photograph"
    copies = [f"{count} in {name}" for name, count in known_copies(image_set.originals).items()]
    if copies:
        yield "known copies", ", ".join(copies)
    qualities = [row.file_quality for row in rows if row.file_quality is not None]
    if qualities:
        yield "JPEG files", _counted(f"of quality {quality}" for quality in qualities)
    yield "earlier JPEG", _grids(rows)
    if exploration.faults:
        yield "faults", f"{len(exploration.faults)} left out: {some(exploration.faults, '; ')}"


def _folder(image_set):
    """Return the set's folder, and the one within it where the originals lie."""
    folders = {image.path.parent for image in image_set.originals}
    inside = [str(folder) for folder in sorted(folders) if folder != image_set.folder]
    return f"{image_set.folder}" + (f", originals in {some(inside)}" if inside else "")


def _versions(exploration):
    """Count the versions that came with the set, and name those that are missing."""
    image_set = exploration.image_set
    copies = sum(measure.is_lossless for measure in exploration.measures)
    text = f"{len(image_set.versions)} with the set"
    text += f", {copies} of them lossless copies" if copies else ""
    return "; ".join([text, *filter(None, map(image_set.pairing_fault, image_set.qualities))])


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


def image_table(exploration):
    """Build a table of one row per original, and of the mean and range of all."""
    rows = exploration.descriptions
    table = _table(f"originals: {len(rows)}")
    table.caption = (
        "luma 0..255 and its standard deviation; colour: Hasler & Süsstrunk's colourfulness; "
        "noise: standard deviation in grey levels, fine texture included; sharpness 0..1; "
        "grid: 1 shows no 8x8 blocks"
    )
    # The one column that is cut on a narrow terminal: no number ever is.
    table.add_column("image", max_width=28)
    for heading in ("size", "split"):
        table.add_column(heading, no_wrap=True)
    for _, heading, _ in DESCRIPTORS:
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows[:ROWS]:
        size = f"{row.width}x{row.height}" + (" grey" if row.is_grey else "")
        split = exploration.splits.get(row.image, "")
        values = (number(getattr(row, name), form) for name, _, form in DESCRIPTORS)
        table.add_row(row.image, size, split, *values)
    if len(rows) > ROWS:
        table.add_row(f"and {len(rows) - ROWS} more", "in pictures.tsv")
    table.add_section()
    for label, statistic in (("mean", fmean), ("lowest", min), ("highest", max)):
        values = (number(_over(rows, name, statistic), form) for name, _, form in DESCRIPTORS)
        table.add_row(label, "", "", *values)
    return table


def version_table(exploration):
    """Build a table of one row per quality: mean and range over the images."""
    images = counted(len({measure.image for measure in exploration.compressed}), "image")
    title = f"JPEG made now of {images}"
    if exploration.image_set.versions:
        title = "versions that came with the set"
    table = _table(f"{title}: mean (lowest–highest)")
    for heading in ("quality", "count"):
        table.add_column(heading, justify="right", no_wrap=True)
    for _, heading, _ in FIGURES:
        table.add_column(heading, justify="right")
    for label, group in by_quality(exploration.compressed).items():
        ranges = (_range(group, name, form) for name, _, form in FIGURES)
        table.add_row(label, str(len(group)), *ranges)
    return table


def by_quality(measures):
    """Group versions by quality, or by ranges of it where there are many; unknown ones last."""
    qualities = sorted({measure.quality for measure in measures} - {None})
    label = _bin if len(qualities) > DISTINCT else str
    groups = {label(quality): [] for quality in qualities}
    for measure in measures:
        name = "unknown" if measure.quality is None else label(measure.quality)
        groups.setdefault(name, []).append(measure)
    return groups


def _bin(quality):
    index = bisect(BINS, quality)
    low, high = BINS[index - 1], BINS[index] - 1
    return str(low) if low == high else f"{low} to {high}"


def _range(group, name, form):
    mean, lowest, highest = (
        number(_over(group, name, statistic), form) for statistic in (fmean, min, max)
    )
    return mean if mean == "–" else f"{mean} ({lowest}–{highest})"


def verdicts(exploration):
    """Yield sentences on the sources of qualities, and on what the set states wrongly."""
    compressed = exploration.compressed
    groups = defaultdict(list)
    for measure in compressed:
        if measure.quality_from != "made":
            groups[measure.stated_quality].append(measure)
    yield from (_verdict(stated, groups[stated]) for stated in sorted(groups, key=lambda q: q or 0))
    copies = [m for m in exploration.measures if m.is_lossless and m.stated_bits_per_pixel]
    if copies:
        yield (
            f"{_are(copies)} the original, pixel for pixel, though the index gives a rate: "
            f"{_files(copies)}"
        )
    lossy = [measure for measure in compressed if measure.stated_lossless]
    if lossy:
        yield (
            f"{_are(lossy)} not the original, though the index calls that a lossless copy: "
            f"{_files(lossy)}"
        )
    wrong = [measure for measure in compressed if measure.has_wrong_rate]
    if wrong:
        yield _wrong_rates(wrong, compressed)


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
    by_source = defaultdict(list)
    for measure in group:
        fits = stated in (None, measure.quality) or measure.quality_from == "unknown"
        by_source[measure.quality_from if fits else "other"].append(measure)
    exact, tables, other, unknown = map(by_source.get, ("pixels", "tables", "other", "unknown"))
    exact = exact or []
    parts = [
        f"{len(exact)} of {len(group)} are Pillow's JPEG at {_at(stated, exact)}, pixel for pixel"
    ]
    if tables:
        parts.append(
            f"{_are(tables)} known from the tables in the JPEG file, its pixels are of another "
            f"form ({_files(tables)})"
        )
    if other:
        names = some([f"{measure.path.name}: {measure.quality}" for measure in other])
        parts.append(f"{_are(other)} of another quality ({names})")
    if unknown:
        parts.append(f"{_are(unknown)} not libjpeg's, quality unknown ({_files(unknown)})")
    heading = f"stated quality {stated}" if stated else "qualities"
    return f"{heading}: {'; '.join(parts)}"


def _at(stated, exact):
    if stated:
        return f"quality {stated}"
    qualities = sorted({measure.quality for measure in exact})
    return f"a quality from {qualities[0]} to {qualities[-1]}" if qualities else "any quality"


def _are(measures):
    return f"{len(measures)} {'is' if len(measures) == 1 else 'are'}"


def _files(measures):
    return some([measure.path.name for measure in measures])


def score_table(exploration):
    """Build a table of each figure's rank correlation with the opinion scores."""
    scored = exploration.scored
    table = _table("rank correlation (Spearman)")
    for heading in ("figure", exploration.score_name, "versions"):
        table.add_column(heading, justify="left" if heading == "figure" else "right")
    for name, heading, _ in (("quality", "quality", ""), *FIGURES):
        value, count = rank_correlation(
            [getattr(measure, name) for measure in scored], [measure.score for measure in scored]
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


def _over(rows, name, statistic):
    values = [getattr(row, name) for row in rows if getattr(row, name) is not None]
    return statistic(values) if values else None


def _counted(labels):
    return some([f"{count} {label}" for label, count in Counter(labels).most_common()])
