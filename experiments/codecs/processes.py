"""Worker processes that end at once: on an interrupt, on an error, and with their parent."""

import contextlib
import multiprocessing
import os
import signal
import threading
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool

from experiments.system.errors import RunError


def map_unordered(function, items, processes):
    """Yield ``(item, function(item))`` as results arrive from `processes` processes.

    Raises `RunError` if a worker process is lost.
    """
    if processes <= 1:  # starting one would only cost time
        yield from ((item, function(item)) for item in items)
        return
    with _workers(processes) as workers:
        with _interrupts_delayed():  # the processes start with the first tasks
            tasks = {workers.submit(function, item): item for item in items}
        for task in as_completed(tasks):
            yield tasks[task], task.result()


# Not joblib's: its workers hold no handle of their parent, outlive a parent that is killed by five
# minutes, and start without the interpreter's options.
@contextlib.contextmanager
def _workers(processes):
    """Open worker processes; terminate them, tasks and all, where the block fails."""
    others = set(multiprocessing.active_children())
    context = multiprocessing.get_context("spawn")
    workers = ProcessPoolExecutor(processes, context, initializer=_prepare_worker)
    try:
        yield workers
    except BrokenProcessPool:
        raise RunError(
            "a worker process ended before its task did; is there too little memory?"
        ) from None
    except BaseException:
        for process in set(multiprocessing.active_children()) - others:
            process.terminate()
        raise
    finally:
        workers.shutdown(cancel_futures=True)


def _prepare_worker():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent():
    """Wait for the parent, then end: a worker alone would wait for tasks for ever."""
    multiprocessing.parent_process().join()
    os._exit(1)


@contextlib.contextmanager
def _interrupts_delayed():
    """Delay interrupts until the block ends; processes started in it inherit the block."""
    if not hasattr(signal, "pthread_sigmask"):  # on Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
