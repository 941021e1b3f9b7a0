"""The native engine: a plan of C kernels, run a chunk of steps at a time with the GIL released."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from math import prod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from pellucid.data.normalization import Normalization
from pellucid.engine.lowering import LAYERS, lower, lower_prediction
from pellucid.engine.lowering.rule import RULE
from pellucid.engine.plan import PAD, Operation, Plan
from pellucid.errors import UsageError
from pellucid.layers import Activation, Layer
from pellucid.losses import Loss
from pellucid.machine import cores
from pellucid.names import suggest
from pellucid.optimizers import Optimizer
from pellucid.workspace import Workspace

try:
    from pellucid.engine import _native
except ImportError:  # no compiler when pellucid was installed
    _native = None  # type: ignore[assignment]

NOT_BUILT = "its kernels are not built (install pellucid where there is a C compiler)"
LARGEST_SPARSE_BATCH = 1024  # beyond it the lists of Xᵀ no longer stay in the cache
SAMPLE = 1000  # images that say whether pixels are mostly 0


def kernels_built() -> bool:
    """Whether the kernels were compiled when pellucid was installed."""
    return _native is not None


def unavailable(layers: Sequence[Layer], dtype: np.dtype[Any]) -> str:
    """Why the native engine cannot train these layers; empty where it can."""
    if not kernels_built():
        return NOT_BUILT
    if dtype != np.float32:
        return f"it computes in float32, not {dtype}"
    if not any(tensor.role == "parameter" for layer in layers for tensor in layer.tensors):
        return "there is nothing to train"
    strangers = [layer.name for layer in layers if type(layer) not in LAYERS]
    return f"there are no kernels for {', '.join(strangers)}" if strangers else ""


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


class NativeEngine:
    """Gradient descent by kernels. Arguments and results are those of ReferenceEngine."""

    name: ClassVar[str] = "native"

    def __init__(
        self,
        workspace: Workspace,
        loss: Loss,
        optimizer: Optimizer,
        images: NDArray[Any],
        targets: NDArray[Any],
        normalization: Normalization,
        batch_size: int,
        clip_norm: float | None = None,
        seed: int = 0,
        threads: int | None = None,
    ) -> None:
        self.workspace, self.optimizer, self.batch_size, self.step = workspace, optimizer, batch_size, 0
        self.threads, self.instruction_set = threads or cores(), instruction_set()
        batch_size = min(batch_size, len(images))
        self.images, self.channels = _contiguous(images)
        self.targets = np.ascontiguousarray(targets, np.float32)
        self.scale, self.offset = normalization.scale, normalization.offset
        sparse = self.channels == 1 and batch_size <= LARGEST_SPARSE_BATCH and _mostly_zero(self.images, normalization)
        self.plan = lower(workspace.layers, loss, optimizer, clip_norm, batch_size, seed, sparse)
        self.arena, self.runner = _runner(self.plan, self.threads, self.instruction_set)
        self._copy_in(workspace.theta, 0)

    def run(
        self, order: NDArray[np.int64], rates: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Train on the examples of `order`, a batch at a time, with one learning rate for each step.

        Returns:
            The mean loss of each step's batch before its update, and how many of it were classified right.
        """
        losses, correct = np.empty(len(rates)), np.empty(len(rates), np.int64)
        self.runner.train(
            images=self.images, targets=self.targets, area=self.images[0].size // self.channels,
            channels=self.channels, outputs=self.targets.shape[1], scale=self.scale, offset=self.offset,
            order=np.ascontiguousarray(order, np.int64), rates=np.ascontiguousarray(rates, np.float64),
            step=self.step + 1, losses=losses, correct=correct,
        )  # fmt: skip
        self.step += len(rates)
        self._copy_out(self.workspace.theta, 0)
        return losses, correct

    def facts(self) -> dict[str, Any]:
        """What the bits of the result depend on beside the arguments; the number of threads is not among it."""
        return {"engine": self.name, "instruction set": self.instruction_set, "NumPy": np.__version__}

    @property
    def moments(self) -> list[NDArray[np.float32]]:
        """The optimizer's moments, copied, in theta's order."""
        moments = [np.zeros_like(self.workspace.theta) for _ in range(self.optimizer.moments)]
        for vector, name in zip(moments, ("first", "second"), strict=False):
            self._copy_out(vector, int(self.plan.rule[name]))
        return moments

    def restore(self, moments: Sequence[NDArray[np.float32]], step: int) -> None:
        """Go on from these moments after so many steps; theta has been restored in the workspace."""
        self.step = step
        self._copy_in(self.workspace.theta, 0)
        for vector, name in zip(moments, ("first", "second"), strict=False):
            self._copy_in(vector, int(self.plan.rule[name]))

    def _copy_in(self, vector: NDArray[np.float32], shift: int) -> None:
        for weights, bias, (w, b) in self._places(vector, shift):
            w[...], b[...] = weights, bias

    def _copy_out(self, vector: NDArray[np.float32], shift: int) -> None:
        for weights, bias, (w, b) in self._places(vector, shift):
            weights[...], bias[...] = w, b

    def _places(self, vector: NDArray[np.float32], shift: int) -> Any:
        """W and b of each dense layer: in a flat vector like theta, and in the arena."""
        for matrix in self.plan.matrices:
            middle, stop = (
                matrix.start + matrix.outputs * matrix.inputs,
                matrix.start + matrix.outputs * (matrix.inputs + 1),
            )
            weights = vector[matrix.start : middle].reshape(matrix.outputs, matrix.inputs)
            yield weights, vector[middle:stop].reshape(-1, 1), matrix.view(self.arena, shift)


class Predictor:
    """The outputs for a few examples: one call of a plan that reads theta where it lies."""

    MOST = 16  # examples; for more, NumPy's matrix products read theta less often

    def __init__(self, layers: Sequence[Layer], link: Activation) -> None:
        self.outputs = prod(layers[-1].output_shape)
        self.arena, self.runner = _runner(lower_prediction(layers, link, self.MOST), 1, instruction_set())

    def __call__(
        self, theta: NDArray[np.float32], images: NDArray[Any], normalization: Normalization
    ) -> NDArray[np.float32]:
        """The outputs (N, outputs) for images (N, ...)."""
        images, channels = _contiguous(images)
        outputs = np.empty((len(images), self.outputs), np.float32)
        area = images[0].size // channels
        self.runner.predict(images, theta, area, channels, normalization.scale, normalization.offset, outputs)
        return outputs


def _runner(plan: Plan, threads: int, instruction_set: str) -> tuple[NDArray[np.float32], Any]:
    """The plan's arena, and the C object that runs it."""
    memory = np.zeros(plan.size + 16, np.float32)
    start = -memory.ctypes.data % 64 // 4  # kernels are fastest where vectors begin at a cache line
    arena = memory[start : start + plan.size]
    runner = _native.Plan(
        plan.records(_native.KERNELS), np.array([plan.rule]), arena, batch_size=plan.batch_size,
        scratch_size=plan.scratch, threads=threads, instruction_set=instruction_set,
    )  # fmt: skip
    return arena, runner


def _contiguous(images: NDArray[Any]) -> tuple[NDArray[Any], int]:
    """The images as the kernels read them, bytes or float32, not copied if they are so already; and their channels."""
    channels = images.shape[-1] if images.ndim == 4 else 1
    return np.ascontiguousarray(images, np.uint8 if images.dtype == np.uint8 else np.float32), channels


def _mostly_zero(images: NDArray[Any], normalization: Normalization) -> bool:
    """Whether most numbers that the network reads will be 0, by the first images."""
    sample = images[:SAMPLE]
    return bool(images.dtype == np.uint8 and normalization.offset == 0 and 2 * np.count_nonzero(sample) < sample.size)


def peak(threads: int, rounds: int = 10**6) -> float:
    """The multiplications and additions that so many threads do in a second at best, measured now (about 10 ms)."""
    plan = Plan(1, np.zeros(1, RULE)[0], [], [Operation("peak", "", "", 0, 0, inputs=rounds, meet=True)], size=2 * PAD)
    arena, runner = _runner(plan, threads, instruction_set())
    arena[:] = 0.5
    losses, correct = np.empty(1), np.empty(1, np.int64)
    nothing = np.zeros((1, 1), np.float32)
    began = time.perf_counter()
    runner.train(
        images=nothing, targets=nothing, area=1, channels=1, outputs=1, scale=1.0, offset=0.0,
        order=np.zeros(1, np.int64), rates=np.zeros(1), step=1, losses=losses, correct=correct,
    )  # fmt: skip
    return float(correct[0]) * rounds * threads / (time.perf_counter() - began)
