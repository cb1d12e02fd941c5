"""What people run: ``python -m experiments`` lists the commands."""

import os

from experiments.compiler import set_flags
from experiments.memory import keep_if_wanted

set_flags()
keep_if_wanted()
# Random bits that are the same on every supported release, and when sharded over devices.
os.environ.setdefault("JAX_THREEFRY_PARTITIONABLE", "1")
