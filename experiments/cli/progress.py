"""Progress of a command: a bar on a terminal, plain lines elsewhere."""

import time
from concurrent.futures import ThreadPoolExecutor, as_completed

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from experiments.cli import console
from experiments.system.hardware import cores


class TrainingProgress:
    """A context in which `update` is called after each training step."""

    def __init__(self, start, steps, pixels_per_step):
        self._start, self._steps, self._pixels = start, steps, pixels_per_step
        self._console = console.terminal()
        self._began = self._last = time.perf_counter()
        self._bar = None

    def __enter__(self):
        if self._console.is_terminal:
            wide = self._console.width >= 110
            self._bar = Progress(
                TextColumn("{task.completed}/{task.total}"),
                *([BarColumn(bar_width=20)] if wide else []),
                TimeRemainingColumn(),
                TextColumn("left  {task.description}"),
                console=self._console,
            )
            self._bar.start()
            self._task = self._bar.add_task("compiling", total=self._steps, completed=self._start)
        else:
            self._console.print(
                f"training {self._steps} steps; compiling the first", soft_wrap=True
            )
        return self

    def __exit__(self, *_):
        if self._bar:
            self._bar.stop()

    def update(self, step, metrics):
        """Show a step's metrics: loss, PSNR in dB and learning rate, in `metrics` by name."""
        now = time.perf_counter()
        if step == self._start + 1:
            # The first step compiles; the speed is that of the others.
            self._began = now
        rate = (step - self._start - 1) / (now - self._began) if now > self._began else 0
        text = (
            f"loss {metrics['loss']:.5f} PSNR {metrics['psnr']:.2f} dB "
            f"rate {metrics['learning_rate']:.1e} {rate * self._pixels / 1e6:.2f} Mpixel/s"
        )
        if self._bar:
            self._bar.update(self._task, completed=step, description=text)
        elif step in (self._start + 1, self._steps) or now - self._last >= 10:
            self._last = now
            left = (self._steps - step) / rate if rate else 0
            ending = f" {left:.0f} s left" if rate else ""
            self._console.print(f"step {step}/{self._steps} {text}{ending}", soft_wrap=True)


class Count:
    """A context in which `advance` is called after each of `total` items.

    It shows "`verb` 3/9 `what`", such as "measured 3/9 points".
    """

    def __init__(self, verb, total, what):
        self._verb, self._total, self._what, self._done = verb, total, what, 0
        self._console = console.terminal()
        self._began = self._last = time.perf_counter()
        self._bar = None

    def __enter__(self):
        if self._console.is_terminal and self._total:
            self._bar = Progress(
                TextColumn(f"{self._verb} {{task.completed}}/{{task.total}} {self._what}"),
                BarColumn(bar_width=20),
                TimeRemainingColumn(),
                TextColumn("left"),
                console=self._console,
                transient=True,
            )
            self._bar.start()
            self._task = self._bar.add_task("", total=self._total)
        return self

    def __exit__(self, *_):
        if self._bar:
            self._bar.stop()

    def advance(self):
        """Count one more."""
        self._done += 1
        now = time.perf_counter()
        if self._bar:
            self._bar.advance(self._task)
        elif self._done == self._total or now - self._last >= 10:
            self._last = now
            left = (now - self._began) / self._done * (self._total - self._done)
            self._console.print(
                f"{self._verb} {self._done}/{self._total} {self._what} {left:.0f} s left",
                soft_wrap=True,
            )


def map_with_progress(function, items, verb, what):
    """Apply `function` to all items on several threads, with the progress that `Count` shows.

    It suits NumPy and Pillow, which release the interpreter's lock. Results are in the order of the
    items; the first exception ends the work.
    """
    pool = ThreadPoolExecutor(min(cores(), 4))
    try:
        futures = [pool.submit(function, item) for item in items]
        with Count(verb, len(items), what) as count:
            for future in as_completed(futures):
                future.result()
                count.advance()
        return [future.result() for future in futures]
    finally:
        pool.shutdown(cancel_futures=True)
