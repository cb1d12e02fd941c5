"""Freed memory is kept where that is asked for, and only there."""

import mmap
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

# Calls a program that needs 36 MB, and tells how many pages a call takes from the system. As much
# as 32 MB may be kept by glibc of its own accord.
CODE = """
import experiments, jax, jax.numpy as jnp, resource
f = jax.jit(lambda x: jnp.sort(x).sum())
x = jnp.zeros(9 * 2**20)
faults = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(3):
    before = faults()
    f(x).block_until_ready()
print(faults() - before)
"""


def start(value):
    env = os.environ | {"FNNET_KEEP_MEMORY": value}
    done = subprocess.run([sys.executable, "-c", CODE], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return int(done.stdout), done.stderr


HUGE = Path("/sys/kernel/mm/transparent_hugepage/enabled")
pytestmark = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc" or (HUGE.exists() and "[always]" in HUGE.read_text()),
    reason="memory is kept by glibc only, and seen in its pages only where they are small",
)


def test_memory_is_kept_where_that_is_asked_for():
    taken, said = start("0")
    kept, _ = start("1")
    assert said == "" and taken > 36 * 2**20 // mmap.PAGESIZE * 0.9
    # A fifth is the sorting's own, and not of the C library.
    assert kept < taken / 4


def test_another_value_is_told_and_changes_nothing():
    taken, said = start("yes")
    assert taken > 1000
    assert said == "note: FNNET_KEEP_MEMORY=yes: must be 0 or 1; memory is not kept\n"
