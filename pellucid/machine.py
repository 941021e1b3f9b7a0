"""What machine and libraries a result came from."""

from __future__ import annotations

import contextlib
import os
import platform
from pathlib import Path
from typing import Any

import numpy as np


def blas() -> dict[str, Any]:
    """The library of NumPy's matrix products: its name, version, kernels and threads; empty if it is unknown."""
    import threadpoolctl  # imported here: `import pellucid` brings NumPy alone

    pools = [pool for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"]
    if not pools:
        return {}
    keys = {"internal_api": "name", "version": "version", "architecture": "architecture", "num_threads": "threads"}
    return {ours: pools[0].get(theirs) for theirs, ours in keys.items()}


def blas_threads() -> int:
    """The threads of NumPy's matrix products."""
    return int(blas().get("threads") or cores())


def limited(threads: int | None) -> contextlib.AbstractContextManager[Any]:
    """NumPy's matrix products held to so many threads; None leaves them as they are."""
    if threads is None:
        return contextlib.nullcontext()
    import threadpoolctl

    limits: contextlib.AbstractContextManager[Any] = threadpoolctl.threadpool_limits(threads)
    return limits


def cores() -> int:
    """The processor cores that this process may use: those it is bound to, and no more than its group is granted."""
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        return max(1, min(bound, -(-int(quota) // int(period))))
    except (OSError, ValueError):  # no such file, or "max"
        return bound


def cpu() -> str:
    """The processor's name, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def describe() -> dict[str, Any]:
    """System, versions and threads; OPENBLAS_CORETYPE is among them because it can make NumPy slower."""
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "cpu": cpu(),
        "cores": cores(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "blas": blas(),
        "openblas_coretype": os.environ.get("OPENBLAS_CORETYPE"),
    }
