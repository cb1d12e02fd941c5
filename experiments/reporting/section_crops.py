"""Before and after: crops on top of each other, with a slider between them."""

from experiments.evaluation.figures import ERROR_LIMIT
from experiments.reporting.html import paragraph, section
from experiments.reporting.svg import tag, text
from experiments.reporting.words import plain

_VIEWS = {
    "original": "original",
    "jpeg": "JPEG",
    "reconstruction": "reconstruction",
    "jpeg error": "JPEG's error",
    "reconstruction error": "reconstruction's error",
}
_LEFT, _RIGHT = "jpeg", "reconstruction"


def crops_section(crops):
    """Show the crops."""
    if not crops:
        return section("crops", "See for yourself", paragraph("There are no crops."))
    intro = (
        "Drag across an image, or move the slider with the arrow keys. JPEG has at most as many "
        "bytes. Errors are means over the channels, from 0 (black) to "
        f"{ERROR_LIMIT} grey levels (yellow)."
    )
    blocks = [_comparison(index, crop) for index, crop in enumerate(crops)]
    grid = tag("div", *blocks, class_="crops")
    return section("crops", "See for yourself", paragraph(intro, "lead"), grid)


def _comparison(index, crop):
    name = f"crop-{index}"
    width, height = crop.size
    views = [_view(crop, view, label) for view, label in _VIEWS.items()]
    stack = tag("div", *views, class_="stack", style=f"--shape: {width} / {height}")
    entry = crop.entry
    rate = "" if entry.rate is None else f", rate {entry.rate + 1}"
    title = f"{entry.picture}, {entry.rung}{rate}"
    slider = (
        f'<input type="range" min="0" max="100" value="50" id="{name}-at" '
        f'aria-label="where the sides meet: {text(title)}">'
    )
    controls = tag(
        "div",
        slider,
        _choice(name, "left", _LEFT),
        _choice(name, "right", _RIGHT),
        class_="controls",
    )
    caption = tag("figcaption", tag("b", text(title)), text(f": {caption_text(entry)}"))
    return tag("figure", stack, controls, caption, class_="compare", id=name)


def _view(crop, view, label):
    side = {_LEFT: " is-left", _RIGHT: " is-right"}.get(view, "")
    width, height = crop.size
    image = (
        f'<img src="{crop.images[view]}" width="{width}" height="{height}" '
        f'alt="{text(crop.entry.picture)}: {text(label)}">'
    )
    return tag("span", image, tag("b", text(label)), class_=f"view{side}", data_view=view)


def _choice(name, side, chosen):
    options = [
        f'<option value="{view}"{" selected" if view == chosen else ""}>{text(label)}</option>'
        for view, label in _VIEWS.items()
    ]
    select = tag("select", *options, data_side=side, id=f"{name}-{side}")
    return tag("label", text(f"{side} "), select)


def caption_text(entry):
    """Write the rates and qualities of both sides."""
    return (
        f"{_side('reconstruction', entry.bits_per_pixel, entry.psnr)}; "
        f"{_side('JPEG', entry.jpeg_bits_per_pixel, entry.jpeg_psnr)}"
    )


def _side(name, bits_per_pixel, psnr):
    rate = "" if bits_per_pixel is None else f"{plain(bits_per_pixel, 3)} bits a pixel, "
    return f"{name} {rate}{plain(psnr)} dB"
