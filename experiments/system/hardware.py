"""The processor: its cores, name and instructions."""

import os
import platform
import sys
from pathlib import Path

try:
    import resource
except ImportError:  # Windows has no such module
    resource = None


def cores():
    """Count the cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS and Windows
    return len(affinity(0)) if affinity else os.cpu_count()


def processor():
    """Return the processor's name."""
    names = _cpuinfo("model name")
    return names[0] if names else platform.processor() or platform.machine()


def instructions():
    """Return the processor's name and features as one text: what machine code it runs."""
    features = _cpuinfo("model name", "flags", "CPU implementer", "CPU part", "Features")
    return " ".join([platform.machine(), *(features or [platform.processor()])])


def _cpuinfo(*names):
    """Read the values of these names from /proc/cpuinfo, each value once."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:  # not on macOS and Windows
        return []
    pairs = [line.partition(":") for line in lines]
    return list(dict.fromkeys(value.strip() for name, _, value in pairs if name.strip() in names))


def peak_memory_mb():
    """Return the process's largest resident memory so far, in megabytes; None on Windows."""
    if resource is None:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
