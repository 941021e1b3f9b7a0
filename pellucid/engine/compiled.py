"""The compiled kernels: whether there are some, for which instruction set, and how a plan becomes a thing that runs."""

from __future__ import annotations

import os
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.engine.lowering.rule import RULE
from pellucid.engine.plan import IN_C, OPERATION, PAD, Operation, Plan
from pellucid.errors import UsageError
from pellucid.names import suggest

LAYOUT = (*IN_C, OPERATION.itemsize, RULE.itemsize)  # what Python and C must agree on

try:
    from pellucid.engine import _native
except ImportError:  # there was no compiler when pellucid was installed
    _native = None  # type: ignore[assignment]


def missing() -> str:
    """Why no kernels can run; empty where they can."""
    if _native is None:
        return "its kernels are not built (install pellucid where there is a C compiler)"
    if _native.LAYOUT != LAYOUT:
        return "its kernels are of another version of pellucid (install it again)"
    return "" if _native.INSTRUCTION_SETS else "this processor is older than its kernels"


def instruction_set() -> str:
    """The instruction set whose kernels run: the best that this machine has, or the one that PELLUCID_CPU names.

    Raises:
        UsageError: PELLUCID_CPU names one that this machine has not.
    """
    wanted, known = os.environ.get("PELLUCID_CPU"), list(_native.INSTRUCTION_SETS)
    if wanted and wanted not in known:
        raise UsageError(
            f"PELLUCID_CPU={wanted} names no instruction set of this machine, which has {', '.join(known)}. "
            f"{suggest(wanted, known)}"
        )
    return wanted or known[0]


def prepare(plan: Plan, threads: int, instructions: str) -> tuple[NDArray[np.float32], Any]:
    """The plan's arena, all 0, and the C object that runs the plan on it."""
    memory = np.zeros(plan.size + PAD, np.float32)
    start = -memory.ctypes.data % 64 // 4  # kernels are fastest where vectors begin at a cache line
    arena = memory[start : start + plan.size]
    runner = _native.Plan(
        plan.records(_native.KERNELS), np.array([plan.rule]), arena, batch_size=plan.batch_size,
        part=plan.part, scratch_size=plan.scratch, threads=threads, instruction_set=instructions,
    )  # fmt: skip
    return arena, runner


def plain(array: NDArray[Any], dtype: Any) -> NDArray[Any]:
    """The array as C reads one: in C order, and each number where a machine may load it; copied only if it must be."""
    if array.dtype == dtype and array.flags.c_contiguous and array.flags.aligned:
        return array
    with np.errstate(over="ignore"):  # what is too large for float32 becomes infinite, and shows in the outputs
        return np.require(array, dtype, ["C_CONTIGUOUS", "ALIGNED"])


def copy(
    theta: NDArray[np.float32], from_theta: NDArray[np.float32], state: NDArray[Any], from_state: NDArray[Any]
) -> bool:
    """Copy parameters and state in one go, so that no other thread of Python sees half of it; whether they change."""
    return _native.copy(theta, from_theta, state, from_state)


def peak(threads: int, rounds: int = 10**6) -> float:
    """The multiplications and additions that so many threads do in a second at best, measured now (about 10 ms)."""
    plan = Plan(1, np.zeros(1, RULE)[0], [], [Operation("peak", "", "", 0, 0, inputs=rounds, meet=True)], size=2 * PAD)
    arena, runner = prepare(plan, threads, instruction_set())
    arena[:] = 0.5
    losses, correct = np.empty(1), np.empty(1, np.int64)
    nothing = np.zeros((1, 1), np.float32)
    began = time.perf_counter()
    runner.train(
        images=nothing, targets=nothing, area=1, channels=1, scale=1.0, offset=0.0, order=np.zeros(1, np.int64),
        rates=np.zeros(1), step=1, losses=losses, correct=correct,
    )  # fmt: skip
    return float(correct[0]) * rounds * threads / (time.perf_counter() - began)
