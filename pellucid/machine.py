"""What machine and libraries a result came from."""

from __future__ import annotations

import os
import platform
from typing import Any

import numpy as np
import threadpoolctl


def blas() -> dict[str, Any]:
    """The library of NumPy's matrix products: its name, version, kernels and threads; empty if it is unknown."""
    pools = [pool for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"]
    if not pools:
        return {}
    keys = {"internal_api": "name", "version": "version", "architecture": "architecture", "num_threads": "threads"}
    return {ours: pools[0].get(theirs) for theirs, ours in keys.items()}


def blas_threads() -> int:
    """The threads of NumPy's matrix products."""
    return int(blas().get("threads") or cores())


def cores() -> int:
    """The processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def describe() -> dict[str, Any]:
    """System, versions and threads; OPENBLAS_CORETYPE is among them because it can make NumPy slower."""
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "cores": cores(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "blas": blas(),
        "openblas_coretype": os.environ.get("OPENBLAS_CORETYPE"),
    }
