"""What the machine and its user's folders have to offer."""

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
    """Name the processor as the system does."""
    names = _told("model name")
    return names[0] if names else platform.processor() or platform.machine()


def instructions():
    """Tell what machine code the processor runs, by its name and its features in one text."""
    told = _told("model name", "flags", "CPU implementer", "CPU part", "Features")
    return " ".join([platform.machine(), *(told or [platform.processor()])])


def cache_folder(name):
    """Name a folder of ours where the XDG base directory specification puts caches."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(base) / "fnnet" / name


def _told(*names):
    """Give what the system tells of its processors under `names`, each value once."""
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
