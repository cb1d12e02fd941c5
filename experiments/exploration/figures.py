"""The figures of an exploration."""

import math

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.patches import Rectangle
from matplotlib.ticker import LogLocator, NullLocator
from PIL import Image

from experiments.evaluation.figures import png
from experiments.exploration.artefacts import SIZE
from experiments.exploration.descriptors import rank_correlation
from experiments.exploration.findings import CURVES, best_close_ups, spread
from experiments.images import made_version

SHEET = 60  # images on the contact sheet
THUMBNAIL = 200
NAMED = 4  # curves: the two best and the two worst
CLOSE_UPS = (5, 10, 20, 40, 70)  # qualities beside the original
BLUE, GREY, RED = "#2f6690", "0.6", "#c1440e"
# Axes: field, label.
ORIGINALS = (
    ("brightness", "mean luma"),
    ("contrast", "standard deviation of luma"),
    ("colorfulness", "colourfulness (Hasler & Süsstrunk)"),
    ("noise_sigma", "noise, grey levels"),
    ("sharpness", "sharpness (1 - blur of Crete et al.)"),
    ("strongest_grid", "strongest 8x8 grid (1: none)"),
)
FIGURES = (("bits_per_pixel", "bits per pixel"), ("psnr", "PSNR (dB)"), ("ssim", "SSIM"))
VERSIONS = (("quality", "JPEG quality"), *FIGURES)
MADE = (*FIGURES, ("blockiness", "blockiness"))


def draw(exploration):
    """Yield file name and PNG bytes of all figures that a set has data for."""
    yield "contact_sheet.png", contact_sheet(exploration)
    yield "histograms.png", histograms(exploration)
    if any(len(curve) > 1 for curve in _curves(exploration).values()):
        yield "rate_distortion.png", rate_distortion(exploration)
    close_ups = best_close_ups(exploration.findings)
    if close_ups:
        yield "artefacts.png", artefacts(exploration, close_ups)
    if exploration.scored:
        yield "scores.png", scores(exploration)


def contact_sheet(exploration):
    """Draw all images small, with names and sizes: up to 60, evenly from first to last."""
    rows = spread(exploration.descriptions, SHEET)
    columns = min(len(rows), 6)
    lines = math.ceil(len(rows) / columns)
    figure, axes = plt.subplots(
        lines,
        columns,
        figsize=(2.2 * columns, 2.3 * lines + 0.4),
        layout="constrained",
        squeeze=False,
    )
    for axis in axes.flat:
        axis.axis("off")
    for axis, row in zip(axes.flat, rows, strict=False):
        image = Image.fromarray(exploration.find(row.image).pixels)
        image.thumbnail((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS)
        axis.imshow(np.asarray(image))
        grey = " grey" if row.is_grey else ""
        title = f"{row.image}\n{row.width}x{row.height}{grey}"
        axis.set_title(title, fontsize=8, parse_math=False)
    total = len(exploration.descriptions)
    shown = f"{len(rows)} of {total}" if len(rows) < total else total
    return _png(figure, exploration, f"{shown} originals")


def histograms(exploration):
    """Draw the distributions of grey levels, of the originals' descriptors and of the versions."""
    has_versions = bool(exploration.image_set.versions)
    versions = VERSIONS if has_versions else MADE
    lines = math.ceil((2 + len(ORIGINALS) + len(versions)) / 4)
    figure, axes = plt.subplots(lines, 4, figsize=(15, 3 * lines), layout="constrained")
    axes = axes.ravel()
    levels = [result.histogram for result in exploration.findings if result.histogram is not None]
    _grey_levels(axes[:2], np.mean(levels, axis=0))
    for axis, (name, label) in zip(axes[2:], ORIGINALS, strict=False):
        _histogram(axis, exploration.descriptions, name, label)
        axis.set(ylabel="images")
    for axis, (name, label) in zip(axes[2 + len(ORIGINALS) :], versions, strict=False):
        if has_versions:
            _histogram(axis, exploration.compressed, name, label)
            axis.set(ylabel="versions")
        else:
            _boxes(axis, exploration.compressed, name, label)
    return _png(figure, exploration, "distributions")


def _finite(rows, name):
    """Return the values of a field that are finite numbers."""
    values = (getattr(row, name) for row in rows)
    return [value for value in values if value is not None and math.isfinite(value)]


def _histogram(axis, rows, name, label):
    values = _finite(rows, name)
    bins = min(max(math.ceil(2 * math.sqrt(len(values))), 5), 40)
    axis.hist(values, bins=bins, color=BLUE, edgecolor="white", linewidth=0.5)
    axis.set(xlabel=label)
    axis.yaxis.get_major_locator().set_params(integer=True)


def _boxes(axis, measures, name, label):
    """Draw one box per quality: quartiles over the images, and all points beyond 1.5 of a box."""
    groups = {
        quality: _finite((m for m in measures if m.quality == quality), name)
        for quality in sorted({measure.quality for measure in measures})
    }
    axis.set(xlabel="JPEG quality", ylabel=label)
    if not any(groups.values()):  # images too small for it
        return
    axis.boxplot(
        list(groups.values()),
        tick_labels=list(groups),
        patch_artist=True,
        boxprops={"facecolor": BLUE, "alpha": 0.6},
        medianprops={"color": "black"},
        flierprops={"markersize": 3},
    )


def _grey_levels(axes, shares):
    """Draw the mean shares of grey levels, in bins of four: of luma, and of red, green and blue."""
    levels = np.arange(0, 256, 4)
    shares = 100 * shares.reshape(4, 64, 4).sum(axis=-1)
    axes[0].fill_between(levels, shares[0], color=GREY, step="post")
    axes[0].set(xlabel="luma, in fours", ylabel="% of pixels")
    for plane, color in zip(shares[1:], ("#c23b22", "#3a7d44", BLUE), strict=True):
        axes[1].step(levels, plane, color=color, linewidth=1, where="post")
    axes[1].set(xlabel="red, green and blue, in fours", ylabel="% of pixels")
    # Black or white alone often holds so much that nothing else could be seen.
    for axis, planes in zip(axes, (shares[:1], shares[1:]), strict=True):
        axis.set(xlim=(0, 255), ylim=(0, 1.3 * np.percentile(planes, 97)))


def _curves(exploration):
    """Group JPEG versions by image, each by rising rate, of up to 100 images."""
    curves = {}
    for measure in exploration.compressed:
        if measure.quality and measure.bits_per_pixel and measure.ssim is not None:
            curves.setdefault(measure.image, []).append(measure)
    return {
        name: sorted(curves[name], key=lambda measure: measure.bits_per_pixel)
        for name in spread(list(curves), CURVES)
    }


def rate_distortion(exploration):
    """Draw PSNR and SSIM over the rate, one line per image; the best and the worst are named."""
    curves = _curves(exploration)
    figure, axes = plt.subplots(1, 2, figsize=(15, 6.5), layout="constrained")
    for axis, (name, label) in zip(axes, FIGURES[1:], strict=True):
        points = {image: _points(curve, name) for image, curve in curves.items()}
        lines = {image: values for image, values in points.items() if len(values) > 1}
        for image, values in points.items():
            mark = "-" if image in lines else "."  # a line of one point shows nothing
            axis.plot(*values.T, mark, color=GREY, linewidth=0.7, alpha=0.7)
        named = _extremes(lines)
        for image, style in named.items():
            axis.plot(*lines[image].T, **style, linewidth=1.4, label=image)
        _mean_curve(axis, curves, name)
        axis.set(xlabel="bits per pixel", ylabel=label, xscale="log")
        axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.xaxis.set_minor_locator(NullLocator())
        axis.xaxis.set_major_formatter("{x:g}")
        axis.grid(alpha=0.25)
        if axis.get_legend_handles_labels()[0]:
            for text in axis.legend(loc="lower right").get_texts():
                text.set_parse_math(False)
    single = sum(len(curve) == 1 for curve in curves.values())
    title = f"JPEG, {_legend(len(curves) - single, single)}"
    if len(named) == NAMED:
        title += "; named are the two best and the two worst at the middle rate"
    return _png(figure, exploration, title)


def _points(curve, name):
    """Return a curve's finite points, (N, 2)."""
    points = np.array([(m.bits_per_pixel, getattr(m, name)) for m in curve])
    return points[np.isfinite(points).all(axis=1)]


def _legend(lines, single):
    """Describe the marks of images with several versions and with one."""
    text = "a line for one image" if lines == 1 else f"a line for each of {lines} images"
    return text + (f", a dot for {single} with a single version" if single else "")


def _extremes(lines):
    """Choose line styles for the two images highest and the two lowest at the middle rate."""
    if not lines:
        return {}
    middle = np.median(np.concatenate([points[:, 0] for points in lines.values()]))
    covering = {
        image: np.interp(np.log(middle), np.log(points[:, 0]), points[:, 1])
        for image, points in lines.items()
        if points[0, 0] <= middle <= points[-1, 0]
    }
    order = sorted(covering, key=covering.get)
    best, worst = order[:-3:-1], order[:-2][:2]
    styles = [(image, BLUE, style) for image, style in zip(best, ("-", "--"), strict=False)]
    styles += [(image, RED, style) for image, style in zip(worst, ("-", "--"), strict=False)][::-1]
    return {image: {"color": color, "linestyle": style} for image, color, style in styles}


def _mean_curve(axis, curves, name):
    """Draw the mean over images by quality, where all images have the same qualities."""
    qualities = {tuple(measure.quality for measure in curve) for curve in curves.values()}
    if len(qualities) > 1 or None in next(iter(qualities)):
        return
    points = [
        [(measure.bits_per_pixel, getattr(measure, name)) for measure in curve]
        for curve in curves.values()
    ]
    mean = np.mean(points, axis=0)
    axis.plot(*mean.T, "o-", color="black", linewidth=2.2, markersize=4, label="mean, by quality")
    for point, quality in zip(mean, next(iter(qualities)), strict=True):
        axis.annotate(
            f"{quality}", point, xytext=(-3, 6), textcoords="offset points", fontsize=8, ha="right"
        )


def artefacts(exploration, close_ups):
    """Draw the close-ups that show artefacts best, enlarged without smoothing."""
    lines, columns = len(close_ups), len(CLOSE_UPS) + 2
    figure, axes = plt.subplots(
        lines,
        columns,
        figsize=(2.4 * columns, 2.6 * lines + 0.5),
        layout="constrained",
        squeeze=False,
    )
    for row, (artefact, (name, close_up)) in zip(axes, close_ups.items(), strict=True):
        image = exploration.find(name)
        pixels = image.pixels
        corner = close_up.left, close_up.top
        row[0].imshow(pixels)
        row[0].add_patch(Rectangle(corner, SIZE, SIZE, fill=False, color="red", linewidth=1.5))
        row[0].set_title(name, fontsize=9, parse_math=False)
        row[0].set_ylabel(artefact, fontsize=11)
        versions = {"original": pixels} | {
            f"quality {quality}": made_version(pixels, quality, is_grey=image.is_grey)[0]
            for quality in CLOSE_UPS
        }
        for axis, (title, version) in zip(row[1:], versions.items(), strict=True):
            axis.imshow(close_up.cut(version), interpolation="nearest")
            axis.set_title(title, fontsize=9)
        for axis in row:
            axis.set(xticks=[], yticks=[])
    title = f"what JPEG does, close-ups of {SIZE}x{SIZE} pixels where it shows most"
    return _png(figure, exploration, title)


def scores(exploration):
    """Draw the distribution of opinion scores, and scores over quality, rate, PSNR and SSIM."""
    figure, axes = plt.subplots(1, 5, figsize=(18, 4), layout="constrained")
    _histogram(axes[0], exploration.scored, "score", exploration.score_name)
    axes[0].set(ylabel="versions")
    for axis, (name, label) in zip(axes[1:], VERSIONS, strict=True):
        axis.set(xlabel=label, ylabel=exploration.score_name)
        axis.grid(alpha=0.25)
        points = [(getattr(measure, name), measure.score) for measure in exploration.scored]
        points = np.array(points, dtype=np.float64).T
        axis.scatter(*points, s=14, color=BLUE, alpha=0.6, linewidths=0)
        value, count = rank_correlation(*points)
        if value is not None:
            axis.set_title(f"Spearman {value:+.3f}, {count} versions", fontsize=10)
    return _png(figure, exploration, "opinion scores")


def _png(figure, exploration, title):
    figure.suptitle(f"{exploration.image_set.name}: {title}", parse_math=False)
    return png(figure, dpi=90)
