"""The parent's side of worker processes: start, request with a time limit, stop."""

import contextlib
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from experiments.system.allocator import VARIABLE

_ROOT = Path(__file__).parent.parent.parent
# Behind the other Python's own packages, so that ours do not stand in for them.
_START = f"import sys; sys.path.append({str(_ROOT)!r}); " + (
    "from experiments.benchmarks.worker import main; main()"
)


class WorkerError(RuntimeError):
    """An error for a worker that died, hung or gave an invalid answer."""


def command(python=None):
    """Return the command line of a worker in `python`, by default this one."""
    return [str(python or sys.executable), "-c", _START]


def environment(allocator, folder):
    """Return the environment of workers: CPU only, nothing compiled earlier, output in `folder`.

    With the allocator "keep", glibc's, which JAX and PyTorch both use, keeps freed memory.
    """
    settings = {
        "JAX_PLATFORMS": "cpu",
        "JAX_ENABLE_COMPILATION_CACHE": "false",
        "TORCHINDUCTOR_FORCE_DISABLE_CACHES": "1",
        "TORCHINDUCTOR_CACHE_DIR": str(folder),
        VARIABLE: "1" if allocator == "keep" else "0",
    }
    return os.environ | settings


class Worker:
    """A process that answers each line of JSON with another; a context manager that ends it."""

    def __init__(self, command, environment=None):
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (closed by __exit__)
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
                env=environment,
                text=True,
            )
        except OSError as error:
            self._log.close()
            raise WorkerError(f"{command[0]} could not be started: {error.strerror}") from error
        self._lines = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self._process.stdin.close()  # the end of its work
        try:
            self._process.wait(3)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(3)  # a process that the worker left behind may still hold its output
        self._log.close()

    def _read(self):
        with self._process.stdout as lines:
            for line in lines:
                self._lines.put(line)
        self._lines.put(None)

    def ask(self, question, timeout):
        """Send a dict and return the answer, a dict; raise WorkerError if there is none in time."""
        with contextlib.suppress(OSError):  # the worker has died; reported below
            print(json.dumps(question), file=self._process.stdin, flush=True)
        try:
            line = self._lines.get(timeout=timeout)
        except queue.Empty:
            self._process.kill()
            raise WorkerError(f"did not answer within {timeout:g} s") from None
        if line is None:
            raise WorkerError(self._last_words())
        try:
            answer = json.loads(line)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise WorkerError(f"answered {line.strip()[:60]!r}, which is no JSON object")
        return answer

    def _last_words(self):
        status = self._process.wait()
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").strip().splitlines()
        return f"died with status {status}" + (f": {lines[-1][:200]}" if lines else "")
