"""oneDNN in the tests: imported before JAX, it turns oneDNN off unless the user names it.

jaxlib cannot store a program with oneDNN's convolutions in the cache of compiled programs, which
most tests and the commands they start live by. Tests about oneDNN turn it on, for one program or in
a process of their own.
"""

import os

FLAG = "xla_cpu_experimental_onednn_custom_call"
ON, OFF = f"--{FLAG}=true", f"--{FLAG}=false"
_is_named = FLAG in os.environ.get("XLA_FLAGS", "")

import experiments  # noqa: E402, F401 (sets the flags that this jaxlib needs)

if not _is_named:
    os.environ["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "").replace(ON, OFF)
# Compiler options of a program that is about oneDNN; none where jaxlib does not have it.
USED = {FLAG: True} if FLAG in os.environ.get("XLA_FLAGS", "") else {}


def environment():
    """Return the environment in which a command runs with oneDNN, as it does by default."""
    return os.environ | {"XLA_FLAGS": os.environ.get("XLA_FLAGS", "").replace(OFF, ON)}
