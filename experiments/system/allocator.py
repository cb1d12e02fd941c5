"""Memory that is kept, instead of given back to the system after each step and taken again.

A compiled step takes its memory in one piece. The C library gives a piece of over 32 MB back at the
end, and the system clears each of its pages when the next step takes it again: a tenth of a wide
network's step and more. Nothing here imports JAX, which must not have started.
"""

import ctypes
import os
import sys

VARIABLE = "FNNET_KEEP_MEMORY"
# glibc's mallopt: no pieces apart, never given back, one place for all threads.
_SETTINGS = {"M_MMAP_MAX": (-4, 0), "M_TRIM_THRESHOLD": (-1, -1), "M_ARENA_MAX": (-8, 1)}


def keep_if_wanted():
    """Let the C library keep what this process frees, where ``FNNET_KEEP_MEMORY=1`` asks for it.

    The process then holds up to twice as much at its peak. Without glibc, or with another value
    than 0 or 1, it says so in a line and changes nothing.
    """
    wanted = os.environ.get(VARIABLE, "0")
    if wanted == "0":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if wanted != "1":
        print(f"note: {VARIABLE}={wanted}: must be 0 or 1; memory is not kept", file=sys.stderr)
    elif mallopt is None or not all(mallopt(*setting) for setting in _SETTINGS.values()):
        print(f"note: {VARIABLE}=1 needs glibc; memory is not kept", file=sys.stderr)
