"""What people run: ``python -m experiments`` lists the commands."""

import os

from experiments.system.allocator import keep_if_wanted
from experiments.system.compiler_flags import set_flags

set_flags()
keep_if_wanted()
# Random bits that are the same on every supported release, and when sharded over devices.
os.environ.setdefault("JAX_THREEFRY_PARTITIONABLE", "1")
