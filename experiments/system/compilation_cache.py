"""Compiled programs on disk, which later starts of a command reuse.

This is JAX's persistent compilation cache in the user's folder for caches. An entry is machine
code, which is trusted: a folder serves one processor, one jaxlib and one Python, and one user.
"""

import contextlib
import hashlib
import math
import os
import platform
import re
import shutil
import stat
import warnings
from importlib.metadata import version
from pathlib import Path

import jax

from experiments.system.errors import as_run_error
from experiments.system.folders import cache_folder
from experiments.system.hardware import instructions

# Of all folders together, in bytes; checked at each start. JAX's own limit would be each folder's,
# so that those of older versions stayed; it fails where the file system has no locks; and on JAX
# 0.10.1 one entry without its time file, from a kill or an earlier start, stops all eviction.
_LIMIT = 2**30
# By default JAX stores only what took a second to compile, and a command has many small programs.
_SETTINGS = {
    "jax_persistent_cache_min_compile_time_secs": 0.0,
    "jax_persistent_cache_min_entry_size_bytes": -1,
}
_TROUBLE = re.compile(r"Error (reading|writing) persistent compilation cache entry for '(.+?)'")


def enable():
    """Store what is compiled from now on, or warn, unless the user has configured JAX's cache."""
    is_configured = jax.config.jax_compilation_cache_dir is not None
    if is_configured or not jax.config.jax_enable_compilation_cache:
        return
    folder = _folder()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        reason = f"{folder}: could not be made: {error.strerror}"
        warnings.warn(f"{reason}; each start compiles its programs anew", stacklevel=2)
        return
    _evict()
    for name, value in _SETTINGS.items():
        if name.upper() not in os.environ:
            jax.config.update(name, value)
    jax.config.update("jax_compilation_cache_dir", str(folder))


def handle(warning):
    """React to one of JAX's warnings about the cache; return the text left to show to the user.

    "" stands for none; None if the warning is about another subject.
    """
    trouble = _TROUBLE.match(str(warning))
    if trouble is None:
        return None
    if "std::bad_alloc" in str(warning):  # jaxlib cannot write out a program with oneDNN in it
        return ""
    folder = _folder()
    if jax.config.jax_compilation_cache_dir != str(folder):
        return None
    action, program = trouble.groups()
    if action == "reading":
        _remove(folder, program)
        return ""
    reason = re.search(r"\[Errno \d+\] ([^:]+)", str(warning))
    if reason is None:
        return None
    jax.config.update("jax_persistent_cache_min_compile_time_secs", math.inf)
    return f"{folder}: could not be written: {reason[1]}; the next start compiles its programs anew"


def clear():
    """Remove all programs, of all machines and versions; return the folder, files and bytes."""
    folder = cache_folder("compiled")
    sizes = [status.st_size for _, status in _files(folder)]
    with as_run_error(folder, "removed"):
        if folder.exists():
            shutil.rmtree(folder)
    return folder, len(sizes), sum(sizes)


def _folder():
    digest = hashlib.sha256(instructions().encode()).hexdigest()[:16]
    python = ".".join(platform.python_version_tuple()[:2])
    return cache_folder("compiled") / f"{digest}-jaxlib{version('jaxlib')}-python{python}"


def _remove(folder, program):
    """Remove the entries of a program, all those of its name.

    JAX never overwrites an entry: it would meet one that a kill or a full disk left torn at each
    start.
    """
    for path, _ in _files(folder):
        if path.name.startswith(f"{program}-"):
            with contextlib.suppress(OSError):
                path.unlink()


def _evict():
    """Above the limit, remove the files that were read longest ago, down to half of it.

    This depends on the file system: some note the time of reading once a day, or not at all.
    """
    files = sorted(_files(cache_folder("compiled")), key=lambda file: file[1].st_atime)
    total = sum(status.st_size for _, status in files)
    if total <= _LIMIT:
        return
    for path, status in files:
        with contextlib.suppress(OSError):
            path.unlink()
            total -= status.st_size
        if total <= _LIMIT // 2:
            return


def _files(folder: Path):
    """Yield each file below a folder with its status; another process may remove some."""
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            status = path.stat()
            if stat.S_ISREG(status.st_mode):
                yield path, status
