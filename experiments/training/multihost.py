"""Processes that train one run together, by JAX's own runtime: join, agree, stop and leave.

In a process that joined no other, every function does nothing.
"""

import contextlib
import math
import os
import signal
import socket
import sys
import threading
import traceback
from pathlib import Path

import jax
import numpy as np
from jax.experimental import multihost_utils

from experiments.cli.commands import EXPECTED, Interrupted
from experiments.system.errors import RunError
from fnnet.train import NotFiniteError

# Seconds after which a process that is cut off, and sends no sign of life, ends the others.
_SILENCE_SECONDS = 30
# Words of the errors by which the loss of another process shows; JAX has no exception for it.
_LOST = ("gloo", "nccl", "unavailable", "coordination", "deadline_exceeded")


@contextlib.contextmanager
def joined(address, count, number, seconds):
    """Join the run's other processes; at the end leave together, or end them.

    Process 0 listens on the `address`, ``host:port``; `number` is this process's, from 0. Where one
    of these or the `count` of processes is None, JAX finds it in the environment of SLURM, Open
    MPI, Kubernetes and other clusters that it knows. If the others do not come within `seconds`,
    the process ends with a sentence and status 2; a RunError is raised for values that are invalid
    or not found.

    Only process 0 prints; all print errors. A failure that the others cannot know of ends this
    process at once, whereupon their next step fails and ends them in turn.
    """
    _join(address, count, number, seconds)
    try:
        with _silent_unless_first():
            yield
    except NotFiniteError:  # all of them come to it, at the same step
        leave()
        raise
    except BaseException as error:
        if jax.distributed.is_initialized():
            _end(error)
        if isinstance(error, Interrupted) and not is_first():
            sys.exit(130)
        raise
    leave()


def is_first():
    """Return whether this process is the one that prints and writes."""
    return jax.process_index() == 0


def leave():
    """Wait for all processes, then disconnect: from now on each computes alone."""
    if jax.distributed.is_initialized():
        jax.distributed.shutdown()


def gathered(text):
    """Return the texts of all processes, in their order, in each of them."""
    if not jax.distributed.is_initialized():
        return [text]
    data = np.frombuffer(text.encode(), np.uint8)
    sizes = multihost_utils.process_allgather(np.int32(data.size)).ravel()
    padded = np.zeros(max(sizes.max(), 1), np.uint8)
    padded[: data.size] = data
    texts = multihost_utils.process_allgather(padded).reshape(len(sizes), -1)
    return [row[:size].tobytes().decode() for row, size in zip(texts, sizes.tolist(), strict=True)]


def together(make):
    """Call ``make()`` and return its result; a user's error in one process is raised in all."""
    result = failure = None
    try:
        result = make()
    except EXPECTED as error:
        failure = error
    sentences = gathered(str(failure) if failure else "")
    if any(sentences):
        leave()
        raise failure or RunError(next(filter(None, sentences)))
    return result


def require_same(text, what):
    """Raise `RunError` unless `text`, which identifies `what`, is the same in all processes."""
    first, *others = gathered(text)
    for number, other in enumerate(others, 1):
        if other != first:
            leave()
            raise RunError(f"{what} of process {number} are not those of process 0")


def from_first(tree):
    """Return process 0's arrays in all processes."""
    if not jax.distributed.is_initialized():
        return tree
    return multihost_utils.broadcast_one_to_all(tree)


def ending(step):
    """Wrap a step to end this process at once if another process is lost during it.

    If process 0 is lost, JAX's runtime ends the others too, with its own message and an abort.
    """
    if not jax.distributed.is_initialized():
        return step

    def guarded(*args):
        try:
            return jax.block_until_ready(step(*args))
        except (RuntimeError, ValueError) as error:
            _end(error)

    return guarded


@contextlib.contextmanager
def stop_requests():
    """Turn Ctrl-C and SIGTERM into a stop between two steps; a second one ends the process.

    Yields ``step -> bool``, to be called at every step; it is true at the same step in all
    processes, whichever of them received the signal.
    """
    stop, before = threading.Event(), {}
    several = jax.distributed.is_initialized()

    def request(number, frame):
        stop.set()
        if several:  # SIGTERM is what JAX passes on to the other processes
            os.kill(os.getpid(), signal.SIGTERM)
        for signal_number, handler in before.items():
            signal.signal(signal_number, handler)

    for number in (signal.SIGINT,) if several else (signal.SIGINT, signal.SIGTERM):
        before[number] = signal.signal(number, request)
    try:
        if several:
            yield multihost_utils.reached_preemption_sync_point
        else:
            yield lambda step: stop.is_set()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _join(address, count, number, seconds):
    _check(address, count, number, seconds)
    # JAX ends a process that waited too long by an abort; this is earlier, and a sentence.
    timer = threading.Timer(seconds, _give_up, (address, count, number, seconds))
    timer.daemon = True
    timer.start()
    try:
        jax.distributed.initialize(
            address,
            count,
            number,
            initialization_timeout=math.ceil(seconds) + 60,
            heartbeat_timeout_seconds=_SILENCE_SECONDS,
        )
        with _without_output():  # the first exchange prints its connections
            gathered("")
    except (ValueError, RuntimeError) as error:
        raise RunError(_why_not_joined(address, error)) from error
    finally:
        timer.cancel()


def _check(address, count, number, seconds):
    if not 0 < seconds < 1e6:
        raise RunError(f"--join-seconds {seconds}: must be above 0")
    if address is not None:
        host, _, port = address.rpartition(":")
        if not host or not port.isdigit() or not 0 < int(port) < 2**16:
            raise RunError(f"--coordinator-address {address}: must be host:port, such as a:1234")
    if count is not None and count < 1:
        raise RunError(f"--num-processes {count}: must be at least 1")
    if number is not None and not 0 <= number < (count or math.inf):
        raise RunError(f"--process-id {number}: must be in 0..{count - 1 if count else '...'}")


def _why_not_joined(address, error):
    cause = str(error).split("\n")[0]
    if "defined" in cause:
        return (
            "--distributed: JAX does not recognise a cluster in the environment; set "
            "--coordinator-address, --num-processes and --process-id"
        )
    return f"--distributed: {address or 'the cluster'}: cannot be joined: {cause}"


def _give_up(address, count, number, seconds):
    """Exit, since the main thread waits inside JAX, where no exception reaches it."""
    where = address or "the cluster's address"
    if number and address and not _answers(address):
        sentence = f"--coordinator-address {where}: nobody answered in {seconds:g} s"
    else:
        sentence = (
            f"--distributed: not all {count or ''} processes came to {where} in {seconds:g} s"
        )
    _exit(f"error: {sentence.replace('  ', ' ')}", 2)


def _answers(address):
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=1):
            return True
    except OSError:
        return False


def _end(error):
    """End this process without waiting for the others, who cannot know that it failed."""
    cause = str(error).split("\n")[0]
    if isinstance(error, EXPECTED):
        _exit(f"error: {error}", 2)
    elif isinstance(error, (Interrupted, KeyboardInterrupt)):
        _exit(str(error) or "stopped", 130)
    elif isinstance(error, (RuntimeError, ValueError)) and any(
        word in cause.lower() for word in _LOST
    ):
        _exit(
            f"error: process {jax.process_index()} lost another process of the run; start all "
            f"again with --resume to go on from the last checkpoint ({cause})",
            2,
        )
    _exit("".join(traceback.format_exception(error)).rstrip(), 1)


def _exit(sentence, status):
    sys.stdout.flush()
    os.write(2, f"{sentence}\n".encode())
    os._exit(status)


@contextlib.contextmanager
def _silent_unless_first():
    with contextlib.ExitStack() as stack:
        if not is_first():
            nowhere = stack.enter_context(Path(os.devnull).open("w"))
            stack.enter_context(contextlib.redirect_stdout(nowhere))
            stack.enter_context(contextlib.redirect_stderr(nowhere))
        yield


@contextlib.contextmanager
def _without_output():
    """Discard output that libraries write to standard output directly."""
    sys.stdout.flush()
    kept = os.dup(1)
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
