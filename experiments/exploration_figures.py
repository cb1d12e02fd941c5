"""What is drawn of a set that was explored."""

import math

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.patches import Rectangle
from PIL import Image

from experiments.artefacts import SIDE
from experiments.descriptors import rank_correlation
from experiments.exploration import CURVES, make_jpeg, most_visible, spread
from experiments.figures import png

SHEET = 60  # pictures on the contact sheet
THUMBNAIL = 200
CLOSE_UPS = (5, 10, 20, 40, 70)  # qualities beside the original
BLUE, GREY, RED = "#2f6690", "0.6", "#c1440e"
# What an axis shows: field, label.
ORIGINALS = (
    ("brightness", "mean luma"),
    ("contrast", "standard deviation of luma"),
    ("colorfulness", "colourfulness (Hasler & Süsstrunk)"),
    ("noise_sigma", "noise, grey levels"),
    ("sharpness", "sharpness (1 - blur of Crete et al.)"),
    ("strongest_grid", "strongest 8x8 grid (1: none)"),
)
VERSIONS = (
    ("quality", "JPEG quality"),
    ("bits_per_pixel", "bits per pixel"),
    ("psnr", "PSNR (dB)"),
    ("ssim", "SSIM"),
)


def draw(found):
    """Draw all figures that a set has data for.

    Yields
    ------
    str, bytes
        File name and PNG.
    """
    yield "contact_sheet.png", contact_sheet(found)
    yield "histograms.png", histograms(found)
    if any(len(curve) > 1 for curve in _curves(found).values()):
        yield "rate_distortion.png", rate_distortion(found)
    places = most_visible(found.findings)
    if places:
        yield "artefacts.png", artefacts(found, places)
    if any(measure.score is not None for measure in found.compressed):
        yield "scores.png", scores(found)


def contact_sheet(found):
    """Draw all pictures small, with names and sizes: up to 60, evenly from first to last."""
    rows = spread(found.descriptions, SHEET)
    columns = min(len(rows), 6)
    lines = math.ceil(len(rows) / columns)
    figure, axes = plt.subplots(
        lines, columns, figsize=(2.2 * columns, 2.3 * lines + 0.4), layout="constrained"
    )
    axes = np.atleast_1d(axes).ravel()
    for axis in axes:
        axis.axis("off")
    for axis, row in zip(axes, rows, strict=False):
        axis.imshow(_thumbnail(found.find(row.picture).pixels))
        grey = " grey" if row.is_grey else ""
        title = f"{row.picture}\n{row.width}x{row.height}{grey}"
        axis.set_title(title, fontsize=8, parse_math=False)
    shown = (
        f"{len(rows)} of {len(found.descriptions)}"
        if len(rows) < len(found.descriptions)
        else len(rows)
    )
    figure.suptitle(f"{found.picture_set.name}: {shown} originals", parse_math=False)
    return png(figure, dpi=90)


def _thumbnail(pixels):
    image = Image.fromarray(pixels)
    image.thumbnail((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS)
    return np.asarray(image)


def histograms(found):
    """Draw the distributions of grey levels, of the originals' descriptors and of the versions."""
    own = bool(found.picture_set.versions)
    panels = [(found.descriptions, *pair) for pair in ORIGINALS]
    panels += [(found.compressed, *pair) for pair in VERSIONS if own]
    if any(measure.score is not None for measure in found.compressed):
        panels.append((found.compressed, "score", _score_name(found)))
    lines = math.ceil((len(panels) + 2) / 4)
    figure, axes = plt.subplots(lines, 4, figsize=(15, 3 * lines), layout="constrained")
    axes = axes.ravel()
    levels = [found.histogram for found in found.findings if found.histogram is not None]
    _grey_levels(axes[:2], np.mean(levels, axis=0))
    for axis, (rows, name, label) in zip(axes[2:], panels, strict=False):
        values = [v for row in rows if (v := getattr(row, name)) is not None and math.isfinite(v)]
        axis.hist(values, bins=_bin_count(values), color=BLUE, edgecolor="white", linewidth=0.5)
        axis.set(xlabel=label, ylabel="versions" if rows is found.compressed else "pictures")
        axis.yaxis.get_major_locator().set_params(integer=True)
    for axis in axes[len(panels) + 2 :]:
        axis.axis("off")
    figure.suptitle(f"{found.picture_set.name}: distributions", parse_math=False)
    return png(figure, dpi=90)


def _bin_count(values):
    return min(max(math.ceil(2 * math.sqrt(len(values))), 5), 40)


def _grey_levels(axes, shares):
    """Draw the mean share of each grey level: of luma, and of red, green and blue."""
    levels = np.arange(256)
    axes[0].fill_between(levels, 100 * shares[0], color=GREY, step="mid")
    axes[0].set(xlabel="luma", ylabel="% of pixels")
    for plane, color in zip(shares[1:], ("#c23b22", "#3a7d44", "#2f6690"), strict=True):
        axes[1].step(levels, 100 * plane, color=color, linewidth=1, where="mid")
    axes[1].set(xlabel="red, green, blue", ylabel="% of pixels")
    # One level, black or white, often holds so much that nothing else could be seen.
    for axis, planes in zip(axes, (shares[:1], shares[1:]), strict=True):
        axis.set(xlim=(0, 255), ylim=(0, 130 * np.percentile(planes, 99)))


def _curves(found):
    """Gather each picture's points: name to measures by rising rate, up to 100 pictures."""
    curves = {}
    for measure in found.compressed:
        if measure.bits_per_pixel and measure.ssim is not None:
            curves.setdefault(measure.picture, []).append(measure)
    return {
        name: sorted(curves[name], key=lambda measure: measure.bits_per_pixel)
        for name in spread(list(curves), CURVES)
    }


def rate_distortion(found):
    """Draw PSNR and SSIM over the rate, a line a picture; the best and the worst are named."""
    curves = _curves(found)
    figure, axes = plt.subplots(1, 2, figsize=(15, 6.5), layout="constrained")
    for axis, (name, label) in zip(axes, VERSIONS[2:], strict=True):
        lines = {
            picture: np.array([(m.bits_per_pixel, getattr(m, name)) for m in curve])
            for picture, curve in curves.items()
        }
        for points in lines.values():
            axis.plot(*points.T, "-", color=GREY, linewidth=0.7, alpha=0.7)
        for picture, color in _extremes(lines).items():
            axis.plot(*lines[picture].T, "-", color=color, linewidth=1.2)
            axis.annotate(
                picture,
                lines[picture][-1],
                xytext=(4, 0),
                textcoords="offset points",
                color=color,
                fontsize=8,
                va="center",
                parse_math=False,
            )
        _mean_curve(axis, curves, name)
        axis.set(xlabel="bits per pixel", ylabel=label, xscale="log")
        axis.xaxis.set_major_formatter("{x:g}")
        axis.xaxis.set_minor_formatter("{x:g}")
        axis.tick_params(axis="x", which="minor", labelsize=7)
        axis.grid(alpha=0.25, which="both")
        axis.margins(x=0.1)
    figure.suptitle(
        f"{found.picture_set.name}: JPEG, {len(curves)} pictures; "
        "named are the two best and the two worst at the middle rate",
        parse_math=False,
    )
    return png(figure, dpi=90)


def _extremes(lines):
    """Name the two pictures that stand highest and lowest at the middle rate, with colours."""
    middle = np.median(np.concatenate([points[:, 0] for points in lines.values()]))
    covering = {
        picture: np.interp(np.log(middle), np.log(points[:, 0]), points[:, 1])
        for picture, points in lines.items()
        if points[0, 0] <= middle <= points[-1, 0]
    }
    order = sorted(covering, key=covering.get)
    return dict.fromkeys(order[:2], RED) | dict.fromkeys(order[-2:], BLUE)


def _mean_curve(axis, curves, name):
    """Draw the mean over pictures by quality, where all pictures have the same qualities."""
    qualities = {tuple(measure.quality for measure in curve) for curve in curves.values()}
    if len(qualities) > 1 or None in next(iter(qualities)):
        return
    points = [
        [(measure.bits_per_pixel, getattr(measure, name)) for measure in curve]
        for curve in curves.values()
    ]
    mean = np.mean(points, axis=0)
    axis.plot(*mean.T, "o-", color="black", linewidth=2.2, markersize=4, label="mean")
    for place, quality in zip(mean, next(iter(qualities)), strict=True):
        axis.annotate(
            f"{quality}", place, xytext=(-3, 6), textcoords="offset points", fontsize=8, ha="right"
        )
    axis.legend(loc="lower right", title="numbers: quality")


def artefacts(found, places):
    """Draw close-ups of the places where artefacts show most, enlarged without smoothing."""
    count = len(CLOSE_UPS) + 2
    figure, axes = plt.subplots(
        len(places),
        count,
        figsize=(2.4 * count, 2.6 * len(places) + 0.5),
        layout="constrained",
        squeeze=False,
    )
    for line, (artefact, (name, place)) in zip(axes, places.items(), strict=True):
        picture = found.find(name)
        line[0].imshow(picture.pixels)
        line[0].add_patch(
            Rectangle((place.left, place.top), SIDE, SIDE, fill=False, color="red", linewidth=1.5)
        )
        line[0].set_title(name, fontsize=9, parse_math=False)
        line[0].set_ylabel(artefact, fontsize=11)
        line[1].imshow(place.cut(picture.pixels), interpolation="nearest")
        line[1].set_title("original", fontsize=9)
        for axis, quality in zip(line[2:], CLOSE_UPS, strict=True):
            axis.imshow(place.cut(make_jpeg(picture, quality)[0]), interpolation="nearest")
            axis.set_title(f"quality {quality}", fontsize=9)
        for axis in line:
            axis.set(xticks=[], yticks=[])
    figure.suptitle(
        f"{found.picture_set.name}: what JPEG does, close-ups of {SIDE}x{SIDE} pixels where it "
        "shows most",
        parse_math=False,
    )
    return png(figure, dpi=90)


def scores(found):
    """Draw the opinion scores over quality, rate, PSNR and SSIM, with their rank correlations."""
    figure, axes = plt.subplots(1, 4, figsize=(16, 4.2), layout="constrained", sharey=True)
    for axis, (name, label) in zip(axes, VERSIONS, strict=True):
        points = [
            (getattr(measure, name), measure.score)
            for measure in found.compressed
            if measure.score is not None and getattr(measure, name) is not None
        ]
        axis.set(xlabel=label)
        axis.grid(alpha=0.25)
        if not points:
            continue
        axis.scatter(*zip(*points, strict=True), s=14, color=BLUE, alpha=0.6, linewidths=0)
        value = rank_correlation(*zip(*points, strict=True))
        if value is not None:
            axis.set_title(f"Spearman {value:+.3f}, {len(points)} versions", fontsize=10)
    axes[0].set_ylabel(_score_name(found))
    figure.suptitle(f"{found.picture_set.name}: opinion scores", parse_math=False)
    return png(figure, dpi=90)


def _score_name(found):
    return found.picture_set.score_name or "opinion score"
