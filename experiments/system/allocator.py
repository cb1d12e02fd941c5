"""Allocator setting: retain freed memory instead of returning it to the system after each step.

A compiled step allocates its memory in one piece. The C library returns a piece of over 32 MB to
the system when the step ends, and the system clears each of its pages when the next step allocates
it again: a tenth of a wide network's step and more. Nothing here imports JAX, which must not have
started.
"""

import ctypes
import os
import sys

VARIABLE = "FNNET_KEEP_MEMORY"
# glibc's mallopt: no separate pieces, nothing given back, one arena for all threads.
_SETTINGS = {"M_MMAP_MAX": (-4, 0), "M_TRIM_THRESHOLD": (-1, -1), "M_ARENA_MAX": (-8, 1)}


def configure():
    """Make glibc retain the memory that this process frees if ``FNNET_KEEP_MEMORY=1`` is set.

    The process then holds up to twice as much at its peak. Without glibc, or with a value other
    than 0 or 1, a line is printed on standard error and nothing changes.
    """
    choice = os.environ.get(VARIABLE, "0")
    if choice == "0":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if choice != "1":
        print(f"note: {VARIABLE}={choice}: must be 0 or 1; memory is not kept", file=sys.stderr)
    elif mallopt is None or not all(mallopt(*setting) for setting in _SETTINGS.values()):
        print(f"note: {VARIABLE}=1 needs glibc; memory is not kept", file=sys.stderr)
