"""What is drawn of a set that was explored."""

import math

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.patches import Rectangle
from matplotlib.ticker import LogLocator, NullLocator
from PIL import Image

from experiments.evaluation.figures import png
from experiments.exploration.artefacts import SIDE
from experiments.exploration.descriptors import rank_correlation
from experiments.exploration.findings import CURVES, most_visible, spread
from experiments.images import made_version

SHEET = 60  # images on the contact sheet
THUMBNAIL = 200
NAMED = 4  # curves: the two best and the two worst
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
FIGURES = (("bits_per_pixel", "bits per pixel"), ("psnr", "PSNR (dB)"), ("ssim", "SSIM"))
VERSIONS = (("quality", "JPEG quality"), *FIGURES)
MADE = (*FIGURES, ("blockiness", "blockiness"))


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
    """Draw all images small, with names and sizes: up to 60, evenly from first to last."""
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
        axis.imshow(_thumbnail(found.find(row.image).pixels))
        grey = " grey" if row.is_grey else ""
        title = f"{row.image}\n{row.width}x{row.height}{grey}"
        axis.set_title(title, fontsize=8, parse_math=False)
    total = len(found.descriptions)
    shown = f"{len(rows)} of {total}" if len(rows) < total else total
    figure.suptitle(f"{found.image_set.name}: {shown} originals", parse_math=False)
    return png(figure, dpi=90)


def _thumbnail(pixels):
    image = Image.fromarray(pixels)
    image.thumbnail((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS)
    return np.asarray(image)


def histograms(found):
    """Draw the distributions of grey levels, of the originals' descriptors and of the versions."""
    own = bool(found.image_set.versions)
    versions = VERSIONS if own else MADE
    lines = math.ceil((2 + len(ORIGINALS) + len(versions)) / 4)
    figure, axes = plt.subplots(lines, 4, figsize=(15, 3 * lines), layout="constrained")
    axes = axes.ravel()
    levels = [found.histogram for found in found.findings if found.histogram is not None]
    _grey_levels(axes[:2], np.mean(levels, axis=0))
    for axis, (name, label) in zip(axes[2:], ORIGINALS, strict=False):
        _histogram(axis, [getattr(row, name) for row in found.descriptions], label)
        axis.set(ylabel="images")
    for axis, (name, label) in zip(axes[2 + len(ORIGINALS) :], versions, strict=False):
        if own:
            _histogram(axis, [getattr(row, name) for row in found.compressed], label)
            axis.set(ylabel="versions")
        else:
            _boxes(axis, found.compressed, name, label)
    figure.suptitle(f"{found.image_set.name}: distributions", parse_math=False)
    return png(figure, dpi=90)


def _histogram(axis, values, label):
    values = [value for value in values if value is not None and math.isfinite(value)]
    bins = min(max(math.ceil(2 * math.sqrt(len(values))), 5), 40)
    axis.hist(values, bins=bins, color=BLUE, edgecolor="white", linewidth=0.5)
    axis.set(xlabel=label)
    axis.yaxis.get_major_locator().set_params(integer=True)


def _boxes(axis, measures, name, label):
    """Draw one box a quality: quartiles over the images, and all points beyond 1.5 of a box."""
    groups = {quality: [] for quality in sorted({measure.quality for measure in measures})}
    for measure in measures:
        value = getattr(measure, name)
        if value is not None and math.isfinite(value):
            groups[measure.quality].append(value)
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
    """Draw the mean share of each four grey levels: of luma, and of red, green and blue."""
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


def _curves(found):
    """Gather each image's JPEG versions by rising rate, of up to 100 images."""
    curves = {}
    for measure in found.compressed:
        if measure.quality and measure.bits_per_pixel and measure.ssim is not None:
            curves.setdefault(measure.image, []).append(measure)
    return {
        name: sorted(curves[name], key=lambda measure: measure.bits_per_pixel)
        for name in spread(list(curves), CURVES)
    }


def rate_distortion(found):
    """Draw PSNR and SSIM over the rate, a line an image; the best and the worst are named."""
    curves = _curves(found)
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
    title = f"{found.image_set.name}: JPEG, {_drawn(len(curves) - single, single)}"
    if len(named) == NAMED:
        title += "; named are the two best and the two worst at the middle rate"
    figure.suptitle(title, parse_math=False)
    return png(figure, dpi=90)


def _points(curve, name):
    """Give a curve's finite points, (N, 2)."""
    points = np.array([(m.bits_per_pixel, getattr(m, name)) for m in curve])
    return points[np.isfinite(points).all(axis=1)]


def _drawn(lines, single):
    """Say what stands for the images."""
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
    styles = [(order[-1:], BLUE, "-"), (order[-2:-1], BLUE, "--")]
    styles += [(order[1:-2][:1], RED, "--"), (order[:-2][:1], RED, "-")]
    return {
        image: {"color": color, "linestyle": dashes}
        for images, color, dashes in styles
        for image in images
    }


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
    for place, quality in zip(mean, next(iter(qualities)), strict=True):
        axis.annotate(
            f"{quality}", place, xytext=(-3, 6), textcoords="offset points", fontsize=8, ha="right"
        )


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
        image = found.find(name)
        pixels = image.pixels
        line[0].imshow(pixels)
        line[0].add_patch(
            Rectangle((place.left, place.top), SIDE, SIDE, fill=False, color="red", linewidth=1.5)
        )
        line[0].set_title(name, fontsize=9, parse_math=False)
        line[0].set_ylabel(artefact, fontsize=11)
        line[1].imshow(place.cut(pixels), interpolation="nearest")
        line[1].set_title("original", fontsize=9)
        for axis, quality in zip(line[2:], CLOSE_UPS, strict=True):
            decoded, _ = made_version(pixels, quality, is_grey=image.is_grey)
            axis.imshow(place.cut(decoded), interpolation="nearest")
            axis.set_title(f"quality {quality}", fontsize=9)
        for axis in line:
            axis.set(xticks=[], yticks=[])
    figure.suptitle(
        f"{found.image_set.name}: what JPEG does, close-ups of {SIDE}x{SIDE} pixels where it "
        "shows most",
        parse_math=False,
    )
    return png(figure, dpi=90)


def scores(found):
    """Draw the opinion scores' distribution, and over quality, rate, PSNR and SSIM."""
    scored = [measure for measure in found.compressed if measure.score is not None]
    figure, axes = plt.subplots(1, 5, figsize=(18, 4), layout="constrained")
    _histogram(axes[0], [measure.score for measure in scored], _score_name(found))
    axes[0].set(ylabel="versions")
    for axis, (name, label) in zip(axes[1:], VERSIONS, strict=True):
        axis.set(xlabel=label, ylabel=_score_name(found))
        axis.grid(alpha=0.25)
        points = np.array([(getattr(m, name), m.score) for m in scored], dtype=np.float64).T
        axis.scatter(*points, s=14, color=BLUE, alpha=0.6, linewidths=0)
        value, count = rank_correlation(*points)
        if value is not None:
            axis.set_title(f"Spearman {value:+.3f}, {count} versions", fontsize=10)
    figure.suptitle(f"{found.image_set.name}: opinion scores", parse_math=False)
    return png(figure, dpi=90)


def _score_name(found):
    return found.image_set.score_name or "opinion score"
