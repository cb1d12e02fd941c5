"""The compiler's flags, which are set before JAX starts. Nothing here imports JAX.

XLA reads its flags once, and an unknown one ends the process: each is set only for releases that
have it. A flag that the user sets is left alone.
"""

import os
import platform
import re
from importlib.metadata import PackageNotFoundError, version

from experiments.system.hardware import instructions

# jaxlib below 0.11 computes some reductions wrongly on CPUs without this; newer releases need
# nothing. tests/system/test_compiler_flags.py shows both the fault and the remedy.
_REDUCTIONS = "--xla_cpu_experimental_ynn_fusion_type=-reduce"
# Lets oneDNN, which is inside jaxlib for x86-64, compute convolutions and matrix products. bfloat16
# is faster than float32 with it, and slower without; `fnnet.ops.conv_lowering` has the figures for
# float32. It has three known faults, so it is set only for the release that was measured, and here
# rather than in `fnnet`:
# - jaxlib cannot write a program with oneDNN's convolutions to the cache on disk.
# - What it fuses behind a convolution or product is wrong where that result is used twice.
# - A chain of more than 32 operations fused there ends the process.
# `conv_lowering` lets nothing be fused behind its convolutions; the networks here have no others.
_ONEDNN = "--xla_cpu_experimental_onednn_custom_call"


def set_flags():
    """Add the flags that this jaxlib needs to ``XLA_FLAGS``, and silence the compiler's notes."""
    flags = os.environ.get("XLA_FLAGS", "")
    if (_jaxlib() or (0, 11)) < (0, 11) and _REDUCTIONS.split("=")[0] not in flags:
        flags = f"{flags} {_REDUCTIONS}"
    if _has_onednn() and _onednn_choice() is None:
        flags = f"{flags} {_ONEDNN}=true"
    if flags:
        os.environ["XLA_FLAGS"] = flags.strip()
    # Notes on machine features do not concern a command's user.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def why_bfloat16_is_slow():
    """Return why bfloat16 is slower than float32 on this CPU, and a way out; None if it is not."""
    if not _has_onednn():
        return (
            "on CPUs it is faster than float32 only with jaxlib 0.12 on Linux x86-64, and "
            f"this is jaxlib {version('jaxlib')} on {platform.system()} {platform.machine()}; "
            "use float32"
        )
    if not {"avx512_bf16", "amx_bf16"} & set(instructions().split()):
        return (
            "this CPU has no instructions for it (neither avx512_bf16 nor amx_bf16) and is faster "
            "in float32; use that"
        )
    if _onednn_choice() is False:
        return f"XLA_FLAGS turns off {_ONEDNN}, without which it is slow; use float32"
    return None


def _onednn_choice():
    """Return whether the user's flags turn oneDNN on; None if they do not name it."""
    values = re.findall(rf"{_ONEDNN}(?:=(\S*))?(?:\s|$)", os.environ.get("XLA_FLAGS", ""))
    return values[-1].lower() in ("", "1", "true") if values else None


def _has_onednn():
    is_x86_64 = platform.machine().lower() in ("x86_64", "amd64")
    return platform.system() == "Linux" and is_x86_64 and _jaxlib() == (0, 12)


def _jaxlib():
    """Return jaxlib's version as (0, 12); None in the Python of a benchmark's peer without it."""
    try:
        return tuple(int(part) for part in re.findall(r"\d+", version("jaxlib"))[:2])
    except PackageNotFoundError:
        return None
