"""The section of training curves."""

from experiments.reporting.curve_plot import curve_plot
from experiments.reporting.html import (
    figure,
    paragraph,
    section,
    slug,
)
from experiments.reporting.svg import tag, text


def curves_section(axes):
    """Show how the values of every axis train."""
    blocks = []
    for index, axis in enumerate(axes):
        name = slug("curve", index, axis.name)
        panels = [
            curve_plot(f"{name}-psnr", axis, lambda row: row.held_out_psnr, "held-out PSNR (dB)"),
            curve_plot(
                f"{name}-gradient", axis, lambda row: row.gradient_norm, "gradient norm", log=True
            ),
        ]
        shown = [figure(panel) for panel in panels if panel]
        if shown:
            title = f"{axis.name} ({axis.task}, {axis.budget}, {axis.test})"
            blocks += [tag("h3", text(title)), tag("div", *shown, class_="panels")]
    intro = "Lines are means over seeds, bands go from the least to the greatest of them."
    blocks = blocks or [paragraph("No run has a training curve.")]
    return section("curves", "How they train", paragraph(intro, "lead"), *blocks)
