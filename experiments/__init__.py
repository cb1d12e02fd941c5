"""What people run: ``python -m experiments`` lists the commands."""

import os
import re
from importlib.metadata import PackageNotFoundError, version

# jaxlib below 0.11 computes some reductions wrongly on CPUs unless this is said before it starts;
# newer releases need no flag, and one that they do not know would end the process.
# tests/test_compiler.py shows both the fault and the remedy.
_MENDED = "--xla_cpu_experimental_ynn_fusion_type=-reduce"
try:
    jaxlib = tuple(int(part) for part in re.findall(r"\d+", version("jaxlib"))[:2])
except PackageNotFoundError:  # the Python of a benchmark's peer
    jaxlib = None
if jaxlib and jaxlib < (0, 11):
    flags = os.environ.get("XLA_FLAGS", "")
    if "xla_cpu_experimental_ynn_fusion_type" not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} {_MENDED}".strip()
# The compiler's own notes on machine features are no business of a command's user.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Random bits that are the same on every supported release, and when sharded over devices.
os.environ.setdefault("JAX_THREEFRY_PARTITIONABLE", "1")
