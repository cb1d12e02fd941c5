"""Compiled programs on disk: what one start of a command compiles, the next one reads.

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

from experiments.system.errors import RunError
from experiments.system.hardware import cache_folder, instructions

# What all folders may hold, in bytes. JAX's own limit needs a package and takes a lock for each
# program; this one is kept at each start.
_LIMIT = 2**30
# By default JAX keeps only what took a second to compile, and a command has many small programs.
_SETTINGS = {
    "jax_persistent_cache_min_compile_time_secs": 0.0,
    "jax_persistent_cache_min_entry_size_bytes": -1,
}
_TROUBLE = re.compile(r"Error (reading|writing) persistent compilation cache entry for '(.+?)'")


def keep():
    """Keep what is compiled from now on, unless the user told JAX where to, or not to.

    Warns
    -----
    UserWarning
        If the folder cannot be made; then nothing is kept.
    """
    given = jax.config.jax_compilation_cache_dir is not None
    if given or not jax.config.jax_enable_compilation_cache:
        return
    folder = _folder()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        reason = f"{folder}: could not be made: {error.strerror}"
        warnings.warn(f"{reason}; each start compiles its programs anew", stacklevel=2)
        return
    _trim()
    for name, value in _SETTINGS.items():
        if name.upper() not in os.environ:
            jax.config.update(name, value)
    jax.config.update("jax_compilation_cache_dir", str(folder))


def heard(warning):
    """Deal with a warning of JAX's about kept programs.

    Parameters
    ----------
    warning : Warning or str

    Returns
    -------
    str or None
        What is left to tell the user: "" for nothing, None if it is about something else.
    """
    trouble = _TROUBLE.match(str(warning))
    if trouble is None:
        return None
    if "std::bad_alloc" in str(warning):  # jaxlib cannot write out a program with oneDNN in it
        return ""
    folder = _folder()
    if jax.config.jax_compilation_cache_dir != str(folder):
        return None
    what, program = trouble.groups()
    if what == "reading":
        # JAX compiles, but never writes over an entry: one that a kill or a full disk left torn
        # would be met at each start. It tells the program's name, which several entries may have.
        for path, _ in _files(folder):
            if path.name.startswith(f"{program}-"):
                with contextlib.suppress(OSError):
                    path.unlink()
        return ""
    reason = re.search(r"\[Errno \d+\] ([^:]+)", str(warning))
    if reason is None:
        return None
    jax.config.update("jax_persistent_cache_min_compile_time_secs", math.inf)
    return f"{folder}: could not be written: {reason[1]}; the next start compiles its programs anew"


def clear():
    """Remove all programs, other machines' and versions' too.

    Returns
    -------
    (Path, int, int)
        The folder, and how many files and bytes were in it.

    Raises
    ------
    RunError
        If one cannot be removed.
    """
    folder = cache_folder("compiled")
    sizes = [status.st_size for _, status in _files(folder)]
    try:
        if folder.exists():
            shutil.rmtree(folder)
    except OSError as error:
        raise RunError(f"{folder}: could not be removed: {error.strerror or error}") from error
    return folder, len(sizes), sum(sizes)


def _folder():
    digest = hashlib.sha256(instructions().encode()).hexdigest()[:16]
    python = ".".join(platform.python_version_tuple()[:2])
    return cache_folder("compiled") / f"{digest}-jaxlib{version('jaxlib')}-python{python}"


def _trim():
    """Where there is too much, remove down to half of the limit what was read longest ago.

    As far as the file system tells: some note the time of reading by the day, or not at all.
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
    """Give each file in a folder and below with its status; another process may remove some."""
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            status = path.stat()
            if stat.S_ISREG(status.st_mode):
                yield path, status
