"""How far training is: a bar on a terminal, plain lines elsewhere."""

import os
import time
from concurrent.futures import ThreadPoolExecutor, as_completed

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from experiments.tables import console


class TrainingProgress:
    """A context that `update` is called in after each step."""

    def __init__(self, start, steps, pixels_per_step):
        self._start, self._steps, self._pixels = start, steps, pixels_per_step
        self._console = console()
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


def map_with_progress(function, items, what):
    """Apply `function` to all items, on several threads, and show how many are done.

    Parameters
    ----------
    function : callable
        ``item -> result``; most of its time is spent where NumPy or Pillow release the lock.
    items : sequence
    what : str
        What the items are called: "pictures".

    Returns
    -------
    list
        The results in the order of `items`. The first exception ends it all.
    """
    pool = ThreadPoolExecutor(min(os.cpu_count() or 1, 4))
    try:
        futures = [pool.submit(function, item) for item in items]
        with _Count(len(items), what) as count:
            for done, future in enumerate(as_completed(futures), 1):
                future.result()
                count.update(done)
        return [future.result() for future in futures]
    finally:
        pool.shutdown(cancel_futures=True)


class _Count:
    """A context that `update` is called in after each item."""

    def __init__(self, total, what):
        self._total, self._what = total, what
        self._console = console()
        self._last = time.perf_counter()
        self._bar = None

    def __enter__(self):
        if self._console.is_terminal:
            self._bar = Progress(
                TextColumn("{task.completed}/{task.total} {task.description}"),
                BarColumn(bar_width=20),
                TimeRemainingColumn(),
                console=self._console,
                transient=True,
            )
            self._bar.start()
            self._task = self._bar.add_task(self._what, total=self._total)
        return self

    def __exit__(self, *_):
        if self._bar:
            self._bar.stop()

    def update(self, done):
        """Show that so many are done; without a terminal, a line every ten seconds."""
        now = time.perf_counter()
        if self._bar:
            self._bar.update(self._task, completed=done)
        elif now - self._last >= 10:
            self._last = now
            self._console.print(f"{done}/{self._total} {self._what}", soft_wrap=True)
