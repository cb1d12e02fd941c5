"""A worker process: does one job of one variant as often as it is asked.

It reads the job and then questions from standard input, and writes an answer to each to standard
output, all of them lines of JSON.
"""

import importlib
import json
import os
import sys
import time
from pathlib import Path

from experiments.benchmarks.jobs import Job


def main():
    """Serve until standard input ends."""
    answer = _answers()
    job = Job(**json.loads(sys.stdin.readline()))
    try:
        module = importlib.import_module(f"experiments.benchmarks.{job.module}")
    except ModuleNotFoundError as error:
        return answer({"missing": error.name})
    prepared = module.prepare(job)
    first = _seconds(prepared.call)
    usual = min(_seconds(prepared.call) for _ in range(2))
    answer(
        {
            "compile_seconds": max(first - usual, 0.0),
            "parameters": prepared.parameters,
            "versions": prepared.versions,
        }
    )
    for line in sys.stdin:
        question = json.loads(line)
        if question["ask"] == "turn":
            answer({"seconds": _turn(prepared.call, question["seconds"])})
        else:
            # Asked last: this may compile again, with a peak of its own.
            peak = peak_bytes()
            answer({"peak_bytes": peak, "temporary_bytes": prepared.temporary_bytes()})


def _answers():
    """Reserve standard output for answers; redirect the output of libraries to standard error."""
    lines = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return lambda value: print(json.dumps(value), file=lines, flush=True)


def _turn(call, seconds):
    """Call for about `seconds`, at least once; return the seconds of each call."""
    taken = [_seconds(call)]
    left = seconds - taken[0]
    while left >= min(taken):
        taken.append(_seconds(call))
        left -= taken[-1]
    return taken


def _seconds(call):
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def peak_bytes():
    """Return this process's peak memory, None where the system does not report it."""
    # Not getrusage on Linux: it starts from the parent's memory at the start of this process.
    status = Path("/proc/self/status")
    if status.exists():
        lines = status.read_text().splitlines()
        return next((int(line.split()[1]) * 1024 for line in lines if "VmHWM" in line), None)
    if sys.platform == "darwin":
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return None


if __name__ == "__main__":
    main()
