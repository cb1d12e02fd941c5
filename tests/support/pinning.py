"""Checksums of pinned arrays."""

import numpy as np


def checksum(*arrays):
    """Compute a number that changes with any value and with the order of values."""
    flat = np.concatenate([np.ravel(a).astype(np.float64) for a in arrays] or [np.zeros(1)])
    return float(flat @ np.cos(np.arange(flat.size)) + flat.sum())
