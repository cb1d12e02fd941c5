"""Fixtures that tests of several topics share."""

import os
from pathlib import Path

import pytest


@pytest.fixture
def data_root():
    """The folder of real picture sets; without one the test is skipped, on a CI machine it fails."""
    root = os.environ.get("FNNET_DATA")
    if root and Path(root).is_dir():
        return Path(root)
    reason = f"FNNET_DATA={root or ''} names no folder of picture sets"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
