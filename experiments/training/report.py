"""The end of a run: whole images measured, the table, the figures, the completed record."""

import time

from experiments.cli import console
from experiments.evaluation import figures, tables
from experiments.evaluation.scores import cost, outcome, score_all
from experiments.runs.record import Record, Result, Timing, write_record
from experiments.runs.run import Run
from experiments.system import storage
from experiments.system.hardware import peak_memory_mb
from experiments.training.stability import largest_loss_ratio

# Training images that are measured: their mean only shows the gap to the held-out ones.
_MEASURED_TRAINING = 64


def report(run: Run, pairs, train_state, timing, started):
    """Measure a run that has ended; print its table, draw its figures, complete its record.

    `pairs` are all images of the run, `timing` the fields of `Timing` but the total; the command
    began at `started`, by ``time.perf_counter``.
    """
    apply = run.apply()
    held_out = [pair for pair in pairs if pair.split != "train"]
    trained_on = [pair for pair in pairs if pair.split == "train"]
    compared = trained_on[: 2 if run.config.tiny else _MEASURED_TRAINING]
    scores = score_all(apply, run.task, held_out + compared)
    rows = storage.read_metrics(run.folder / "metrics.jsonl")
    result = Result(
        scores=tuple(scores),
        cost=cost(run.model),
        skipped_steps=int(train_state.skipped),
        largest_loss_ratio=largest_loss_ratio([row["loss"] for row in rows if row["finite"]]),
    )
    _draw(run, apply, held_out, rows)
    timing = Timing(**timing, total_seconds=time.perf_counter() - started)
    record = run.record.completed(result, timing, peak_memory_mb())
    write_record(run.folder, record)
    _print(run, record)


def _draw(run, apply, held_out, rows):
    # The curve is that of the validation split, where there is one.
    split = "validation" if any(pair.split == "validation" for pair in held_out) else "test"
    curves = figures.curves(rows, held_out=f"held-out crops ({split})")
    storage.write_bytes(run.folder / "curves.png", curves)
    shown = held_out[: 2 if run.config.tiny else 4]
    outcomes = [outcome(apply, run.task, pair) for pair in shown]
    images = figures.comparison(shown, outcomes, run.task, run.config.quality)
    storage.write_bytes(run.folder / "comparison.png", images)


def _print(run, record: Record):
    terminal, config, result = console.terminal(), run.config, record.result
    table = tables.score_table(result.scores, run.task, config.quality, downscale=config.downscale)
    terminal.print(table)
    for line in [
        *tables.cost_lines(result.cost),
        *_time_lines(record.sessions[-1]),
        *_trouble_lines(result),
        f"written to {run.folder}",
    ]:
        terminal.print(line, soft_wrap=True)


def _time_lines(session):
    timing, memory = session.timing, session.peak_memory_mb
    devices, joined = session.environment["devices"], session.environment["processes"]
    if devices > 1:
        yield f"devices                 {devices}" + (
            f" in {joined} processes" if joined > 1 else ""
        )
    if timing.steps:
        yield (
            f"training                {timing.seconds:.0f} s for {timing.steps} steps: "
            f"{timing.stepped / timing.seconds:.1%} in the compiled step, "
            f"{timing.waited / timing.seconds:.1%} waiting for images"
        )
        yield f"first step              {timing.seconds_to_first_step:.1f} s after the start"
    yield f"all                     {timing.total_seconds:.0f} s" + (
        f", peak memory {memory:,.0f} MB" if memory else ""
    )


def _trouble_lines(result):
    spike = result.largest_loss_ratio
    if spike is not None:
        yield f"steadiness              no loss above {spike:.2f} times its running median"
    if result.skipped_steps:
        yield f"skipped                 {result.skipped_steps} steps that were not finite"
