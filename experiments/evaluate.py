"""Print a trained network's quality on held-out images, or on another set."""

from dataclasses import dataclass
from pathlib import Path

import tyro

from experiments.cli import console
from experiments.cli.commands import note, run_command
from experiments.cli.progress import Count
from experiments.codecs import report
from experiments.codecs.curves import savings
from experiments.codecs.learned import anchor_points, curve_points
from experiments.evaluation import leakage, tables
from experiments.evaluation.pairs import load_pairs
from experiments.evaluation.scores import cost, score_all
from experiments.evaluation.selfcheck import check_metrics
from experiments.runs.run import open_run
from fnnet.core import require


@dataclass(frozen=True, kw_only=True)
class Config:
    """Print PSNR and SSIM of a trained network beside JPEG's, in under a minute for 29 images.

    Without --data: on the held-out images of the run's own set, and the mean over its training
    images, labelled as such. Nothing is written.
    """

    run: tyro.conf.Positional[Path]
    """The run's folder, or the name of released weights."""
    data: str | None = None
    """Another set: a folder of images, or a set's name under FNNET_DATA. It is rejected if it
    has photographs that the network was trained on, whatever their names, sizes or formats."""
    allow_overlap: bool = False
    """Accept such a set: the table carries a warning and lists those images separately."""
    quality: int | None = None
    """Quality of the JPEG versions for emulate and restore. Default: the run's."""
    rate: int | None = None
    """One of the run's rates, from 1 for the fewest bits. Default: the middle one."""
    curve: bool = False
    """Measure all rates of a run of autoencode instead, in about a minute for 29 images at 6
    rates, and print its rate-distortion points and its BD-rate against JPEG."""


def main(config: Config):
    """Print the requested table, and return its scores."""
    run = open_run(config.run)
    quality = run.config.quality if config.quality is None else config.quality
    require(1 <= quality <= 100, f"--quality {quality}: must be in 1..100")
    require(
        config.quality is None or not run.is_codec,
        f"--quality {config.quality}: this run is measured beside JPEG files of its own size",
    )
    data = run.config.data if config.data is None else config.data
    # Another set is measured as it is; the run's own as the run prepared it.
    downscale = run.config.downscale if config.data is None else 1.0
    pairs = load_pairs(data, quality, leakage.splits(run), downscale=downscale)
    # The run's own set has training images; one that was changed since is still one.
    allowed = config.allow_overlap or config.data is None
    pairs = leakage.mark_trained(pairs, run, allow_overlap=allowed)
    stamp = None if config.data is None else leakage.stamp(pairs)
    seen = sum(pair.split == "train" for pair in pairs)
    if seen:
        note(f"{seen} of {len(pairs)} images were trained on and are labelled so")
    note(check_metrics(("psnr", "ssim"), [pair.image for pair in pairs]))
    if config.curve:
        return _print_curve(config, run, pairs, stamp)
    apply = run.apply(config.rate)
    scores = score_all(apply, run.task, pairs)
    console.print_line(f"{config.run}, step {run.step}")
    table = tables.score_table(scores, run.task, quality, downscale=downscale, stamp=stamp)
    console.terminal().print(table)
    for line in tables.cost_lines(cost(run.model)):
        console.print_line(line)
    return scores


def _print_curve(config, run, pairs, stamp):
    require(config.rate is None, f"--rate {config.rate}: --curve measures all of them")
    if config.data is None:
        pairs = [pair for pair in pairs if pair.split != "train"]
    codec, images = run.codec(), [pair.image for pair in pairs]
    with Count("measured", codec.rates * len(images), "files") as progress:
        means = curve_points(codec, images, progress.advance)
    means += anchor_points(images)
    terminal = console.terminal()
    title = f"{config.run}, step {run.step}, through files of {config.data or 'its own set'}"
    table = report.points_table(means, title if stamp is None else f"{title}\n{stamp}")
    terminal.print(table)
    saved = savings(means)
    terminal.print(report.bd_rate_table(saved))
    for line in report.missing_rates(saved):
        console.print_line(line)
    return means


if __name__ == "__main__":
    run_command(main, Config, prog="python -m experiments.evaluate")
