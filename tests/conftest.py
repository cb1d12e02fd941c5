"""Fixtures that tests of several topics share."""

import os
from pathlib import Path

import jax
import pytest

import experiments  # noqa: F401 (sets the compiler's flag before JAX starts)

# Nothing in fnnet may lean on a silent cast, a silent broadcast, or a key used twice.
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_debug_key_reuse", True)


@pytest.fixture
def data_root():
    """The folder of real picture sets: without one a test is skipped, and fails where CI is set."""
    root = os.environ.get("FNNET_DATA")
    if root and Path(root).is_dir():
        return Path(root)
    reason = f"FNNET_DATA={root or ''} names no folder of picture sets"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
