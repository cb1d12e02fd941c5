"""Figures of a run: training curves, and images side by side."""

import io
import itertools

import matplotlib
import numpy as np

matplotlib.use("Agg")
from matplotlib import pyplot as plt

ERROR_LIMIT = 40  # grey levels at the top of an error map's scale
_CROP = 128


def curves(rows, *, held_out):
    """Draw loss, PSNR, gradient norm and learning rate over the steps, as PNG bytes.

    `rows` are those of metrics.jsonl; `held_out` is the label of the held-out curve.
    """
    figure, axes = plt.subplots(2, 2, figsize=(10, 6), layout="constrained")
    panels = [
        ("loss", "loss", "log"),
        ("psnr", "PSNR (dB)", "linear"),
        ("gradient_norm", "gradient norm", "log"),
        ("learning_rate", "learning rate", "linear"),
    ]
    for axis, (name, label, scale) in zip(axes.flat, panels, strict=True):
        _curve(axis, rows, name, "training batches")
        axis.set(xlabel="step", ylabel=label, yscale=scale)
        axis.grid(alpha=0.3)
    _curve(axes[0, 1], rows, "held_out_psnr", held_out, style="o-")
    axes[0, 1].legend()
    return png(figure, dpi=100)


def _curve(axis, rows, name, label, style="-"):
    points = [(row["step"], row[name]) for row in rows if row.get(name) is not None]
    if points:
        axis.plot(*zip(*points, strict=True), style, label=label, linewidth=1, markersize=3)


def comparison(pairs, outcomes, task, quality):
    """Draw images side by side, as PNG bytes: whole, and a detail below.

    Columns: the original, a JPEG version, the network's output, and the errors of the JPEG version
    against the original and of the output against the task's target, in grey levels. The JPEG
    version is of `quality`, or, where the network writes files, of at most as many bytes.
    """
    count = len(pairs)
    shapes = [pair.original.shape for pair in pairs]
    ratios = [ratio for height, width, _ in shapes for ratio in (height / width, 1.0)]
    figure, axes = plt.subplots(
        2 * count,
        5,
        figsize=(15, 3.05 * sum(ratios) + 0.7 * count),
        height_ratios=ratios,
        layout="constrained",
        squeeze=False,
    )
    figure.get_layout_engine().set(h_pad=0.08)
    for index, (pair, outcome) in enumerate(zip(pairs, outcomes, strict=True)):
        for column, (pixels, title) in enumerate(_panels(pair, outcome, task, quality)):
            image = _show(axes[2 * index, column], pixels, title)
            _show(axes[2 * index + 1, column], _detail(pixels, pair))
        axes[2 * index, 0].set_ylabel(pair.image.name, parse_math=False)
        axes[2 * index + 1, 0].set_ylabel("detail")
    figure.colorbar(
        image,
        ax=axes[:, 3:].ravel().tolist(),
        location="bottom",
        shrink=0.5,
        aspect=50,
        label="mean absolute error over the channels, grey levels of 255",
    )
    return png(figure, dpi=80)


def _panels(pair, outcome, task, quality):
    score = outcome.score
    goal = {"original": "original", "jpeg": "JPEG version"}[task.target]
    result = {"autoencode": "reconstruction", "emulate": "emulated JPEG", "restore": "restored"}
    writes_files = score.bits_per_pixel is not None
    jpeg = "JPEG of at most as many bytes" if writes_files else f"JPEG, quality {quality}"
    return [
        (pair.original, "original"),
        (
            outcome.jpeg,
            f"{jpeg}{_rate(score.jpeg_bits_per_pixel)}\n"
            f"{_figures(score.jpeg_psnr, score.jpeg_ssim)}",
        ),
        (
            outcome.output,
            f"{result[task.name]}{_rate(score.bits_per_pixel)}\n{_figures(score.psnr, score.ssim)}",
        ),
        (_error(pair.original, outcome.jpeg), "error of the JPEG version"),
        (
            _error(pair.get(task.target), outcome.output),
            f"error of the network\n(against the {goal})",
        ),
    ]


def _rate(bits_per_pixel):
    return "" if bits_per_pixel is None else f", {bits_per_pixel:.2f} bpp"


def _figures(psnr, ssim):
    return f"{psnr:.2f} dB" + ("" if ssim is None else f", SSIM {ssim:.3f}")


def _error(pixels, other):
    return np.abs(pixels.astype(np.float32) - other).mean(-1)


def _detail(pixels, pair):
    """Cut out the busiest square of up to 128 pixels: that with the most squared differences."""
    height, width = pair.original.shape[:2]
    size = min(_CROP, height, width)
    step = max(size // 2, 1)
    activity = np.abs(np.diff(pair.original.astype(np.float32).mean(-1), axis=1)) ** 2
    corners = itertools.product(range(0, height - size + 1, step), range(0, width - size + 1, step))
    squares = [(slice(top, top + size), slice(left, left + size)) for top, left in corners]
    return pixels[max(squares, key=lambda square: float(activity[square].sum()))]


def _show(axis, pixels, title=None):
    axis.set(xticks=[], yticks=[])
    if title:
        axis.set_title(title, fontsize=10)
    if pixels.ndim == 3:
        return axis.imshow(pixels)
    return axis.imshow(pixels, cmap="magma", vmin=0, vmax=ERROR_LIMIT)


def png(figure, dpi):
    """Render a figure as PNG bytes and close it."""
    memory = io.BytesIO()
    figure.savefig(memory, dpi=dpi, format="png")
    plt.close(figure)
    return memory.getvalue()
