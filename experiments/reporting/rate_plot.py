"""The plot of quality over rate: rungs in colour, other codecs in grey, each named at its end."""

from experiments.reporting.scales import drawable, fitted, stacked
from experiments.reporting.svg import (
    SHAPES,
    bottom_axis,
    drawing,
    label,
    left_axis,
    line,
    mark,
    path,
    tag,
)
from experiments.reporting.words import clipped, plain, seconds

COLOURS = 7
_RANGE = 0.25  # how far other codecs' curves are followed beyond the runs', as a share of it


def rate_plot(identifier, title, rungs, anchors, published, *, width):
    """Draw one test set's curves `width` units wide.

    Parameters
    ----------
    identifier, title : str
    rungs : list of Rung
    anchors, published : dict of str to list of RatePoint
    """
    is_narrow = width < 500
    height = 420 if is_narrow else 470
    series = _series(rungs, anchors, published)
    fits = min(max(len(one.name) for one in series), 15 if is_narrow else 28)
    right = width - 16 - 7 * fits
    points = [point for one in series for point in one.points]
    x = fitted([bpp for bpp, _ in points], 42, right, log=True)
    y = fitted([psnr for _, psnr in points], height - 44, 30)
    ends, lines, marks = [], [], []
    for one in series:
        lines.append(path([(x(a), y(b)) for a, b in one.points], class_=f"curve {one.style}"))
        marks += [
            mark(x(a), y(b), tip, shape=one.shape, class_=f"mark {one.style}")
            for (a, b), tip in zip(one.points, one.tips, strict=True)
        ]
        ends.append((one.points[-1], clipped(one.name, fits), one.style))
    return drawing(
        identifier,
        title,
        _description(series),
        width,
        height,
        bottom_axis(x, height - 44, 22, title="bits a pixel of the whole file", count=5),
        left_axis(y, 42, right, title="PSNR (dB)", count=7),
        *lines,
        *marks,
        *_names(ends, x, y, right, height),
    )


class _Series:
    def __init__(self, name, points, tips, style, shape):
        known = [
            (point, tip)
            for point, tip in zip(points, tips, strict=True)
            if all(map(drawable, point)) and point[0] > 0
        ]
        self.name, self.style, self.shape = name, style, shape
        self.points = [point for point, _ in known]
        self.tips = [tip for _, tip in known]


def _series(rungs, anchors, published):
    found = [
        _Series(
            rung.name,
            [(point.bits_per_pixel, point.psnr) for point in rung.coded],
            [rung_tip(rung, point) for point in rung.coded],
            f"s{index % COLOURS}",
            SHAPES[index % len(SHAPES)],
        )
        for index, rung in enumerate(rungs)
    ]
    found = [one for one in found if one.points]
    rates = [bpp for one in found for bpp, _ in one.points]
    low, high = min(rates) * (1 - _RANGE), max(rates) * (1 + _RANGE)
    others = []
    for curves, style in ((anchors, "anchor"), (published, "published")):
        for name, points in curves.items():
            shown = _near(points, low, high)
            others.append(
                _Series(
                    name,
                    [(point.bits_per_pixel, point.psnr) for point in shown],
                    [_anchor_tip(name, point) for point in shown],
                    f"{style}{' jpeg' if name == 'jpeg' else ''}",
                    "circle",
                )
            )
    return [one for one in others if one.points] + found


def _near(points, low, high):
    """Keep the points at the runs' rates and the next one on each side, or else the two nearest."""
    inside = [index for index, point in enumerate(points) if low <= point.bits_per_pixel <= high]
    if not inside:
        return points[-2:] if points[-1].bits_per_pixel < low else points[:2]
    return points[max(inside[0] - 1, 0) : inside[-1] + 2]


def rung_tip(rung, point):
    """Describe a run at one rate in a few lines."""
    record = rung.record
    rate = "" if point.rate is None or len(rung.points) == 1 else f", rate {point.rate + 1}"
    bits = (
        "" if point.bits_per_pixel is None else f"{plain(point.bits_per_pixel, 3)} bits a pixel, "
    )
    return "\n".join(
        (
            f"{rung.name}{rate}",
            f"{bits}PSNR {plain(point.psnr)} dB, SSIM {plain(point.ssim, 4)}",
            f"{record.parameters:,} parameters",
            f"{record.multiply_adds_per_pixel:,.0f} multiply-adds a pixel",
            f"trained for {seconds(record.seconds)}",
            f"encodes a megapixel in {seconds(record.encode_seconds_per_megapixel)}, "
            f"decodes it in {seconds(record.decode_seconds_per_megapixel)}",
        )
    )


def _anchor_tip(name, point):
    quality = "" if point.quality is None else f", quality {point.quality:g}"
    rate = plain(point.bits_per_pixel, 3)
    return f"{name}{quality}\n{rate} bits a pixel, PSNR {plain(point.psnr)} dB"


def _description(series):
    said = [
        f"{one.name} from {plain(one.points[0][1])} dB at {plain(one.points[0][0], 3)} to "
        f"{plain(one.points[-1][1])} dB at {plain(one.points[-1][0], 3)} bits a pixel"
        if len(one.points) > 1
        else f"{one.name} {plain(one.points[0][1])} dB at {plain(one.points[0][0], 3)} bits a pixel"
        for one in series
    ]
    return "Curves of quality over rate: " + "; ".join(said)


def _names(ends, x, y, right, height):
    """Write names in a column at the right, level with the ends as far as there is room."""
    ends = sorted(ends, key=lambda end: y(end[0][1]))
    places = stacked([y(end[0][1]) for end in ends], 15, 14, height - 44)
    parts = []
    for place, ((bpp, psnr), name, style) in zip(places, ends, strict=True):
        parts.append(line(x(bpp), y(psnr), right + 8, place, class_=f"leader {style}"))
        parts.append(label(right + 11, place + 4, name, class_=f"direct {style}"))
    return [tag("g", *parts, aria_hidden="true")]
