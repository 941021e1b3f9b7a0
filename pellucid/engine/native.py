"""The native engine: a plan of C kernels, run a chunk of steps at a time with the GIL released."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from pellucid.data.distortion import Distortions
from pellucid.data.normalization import Normalization
from pellucid.descent import Descent
from pellucid.engine.compiled import copy, instruction_set, missing, plain, prepare
from pellucid.engine.distortion import as_arguments
from pellucid.engine.lowering import LAYERS, LOSSES, OPTIMIZERS, lower, trained
from pellucid.engine.plan import distortion_size
from pellucid.layers import Layer, walk
from pellucid.losses import Loss
from pellucid.machine import cores
from pellucid.workspace import Workspace, slots

LARGEST_SPARSE_BATCH = 1024  # beyond it the lists of Xᵀ no longer stay in the cache
BYTES, FLOATS = np.dtype(np.uint8), np.dtype(np.float32)
SAMPLE = 1000  # images that say whether pixels are mostly 0


def unavailable(
    layers: Sequence[Layer],
    dtype: np.dtype[Any],
    loss: Loss | None = None,
    descent: Descent | None = None,
) -> str:
    """Why the kernels cannot do what these layers, loss and descent do; empty where they can.

    Only the library's own formulas have kernels: a subclass may mean something else.
    """
    if reason := missing():
        return reason
    if dtype != np.float32:
        return f"it computes in float32, not {dtype}"
    if not (trained(layers, descent) if descent else slots(layers, "parameter")):
        return "there is nothing to train"
    strangers = [
        layer.name
        for layer in walk(layers)
        if type(layer) not in LAYERS or {"forward", "backward"} & vars(layer).keys()
    ]
    parts: list[tuple[Any, Any]] = [
        (descent and descent.optimizer, OPTIMIZERS),
        (loss, LOSSES),
        (loss and loss.link, LAYERS),
    ]
    strangers += [type(part).__name__ for part, known in parts if part is not None and type(part) not in known]
    return f"there are no kernels for {', '.join(strangers)}" if strangers else ""


class NativeEngine:
    """Gradient descent by kernels. Arguments and results are those of ReferenceEngine."""

    name: ClassVar[str] = "native"

    def __init__(
        self,
        workspace: Workspace,
        loss: Loss,
        descent: Descent,
        images: NDArray[Any],
        targets: NDArray[Any],
        normalization: Normalization,
        batch_size: int,
        seed: int = 0,
        threads: int | None = None,
        weights: NDArray[Any] | None = None,
    ) -> None:
        self.workspace, self.loss, self.descent, self.normalization = workspace, loss, descent, normalization
        self.batch_size, self.seed, self.step, self.weights = batch_size, seed, 0, weights
        self.shares = None if weights is None else plain(weights, FLOATS)
        self.threads, self.instruction_set = threads or cores(), instruction_set()
        self.images, self.channels = as_rows(images)
        self.targets = plain(targets, FLOATS)
        self.moved = workspace.theta.copy()  # where theta is gathered before all of it changes at once
        self.moved_state = np.array(workspace.state)  # and the running statistics
        self._prepare()

    def _prepare(self, decay: float = 0.0, before: int = 0) -> None:
        """Make the plan, with a moving average of this decay, which so many steps are not in, if there is one."""
        size = min(self.batch_size, len(self.images))
        sparse = self.channels == 1 and size <= LARGEST_SPARSE_BATCH and _mostly_zero(self.images, self.normalization)
        self.plan = lower(self.workspace.layers, self.loss, self.descent, size, self.seed, sparse, self.threads, decay)
        self.plan.rule["before"] = before
        if self.images.ndim > 2:
            room = distortion_size(self.images.shape[1], self.images.shape[2], self.channels)
            self.plan.scratch = max(self.plan.scratch, room)
        self.arena, self.runner = prepare(self.plan, self.threads, self.instruction_set)

    def run(
        self, order: NDArray[np.int64], rates: NDArray[np.float64], distortions: Distortions | None = None
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Train on the examples of `order`, a batch at a time, with one learning rate for each step.

        Returns:
            The mean loss of each step's batch before its update, and how many of it were classified right.
        """
        losses, correct = np.empty(len(rates)), np.empty(len(rates), np.int64)
        self._copy_in(self.workspace.theta, 0)  # a callback may have changed it
        for statistics in self.plan.state:
            statistics.copy(self.arena, np.asarray(self.workspace.state), out=False)
        self.runner.train(
            images=self.images, targets=self.targets, area=self.images[0].size // self.channels,
            channels=self.channels, scale=self.normalization.scale, offset=self.normalization.offset,
            order=plain(order, np.dtype(np.int64)), rates=plain(rates, np.dtype(np.float64)),
            step=self.step + 1, losses=losses, correct=correct, weights=self.shares,
            distortions=as_arguments(distortions, *self.images.shape[1:3]) if distortions else None,
        )  # fmt: skip
        self.step += len(rates)
        self._copy_out(self.moved, 0)
        for statistics in self.plan.state:
            statistics.copy(self.arena, self.moved_state, out=True)
        copy(self.workspace.theta, self.moved, np.asarray(self.workspace.state), self.moved_state)
        return losses, correct

    def facts(self) -> dict[str, Any]:
        """What the bits of the result depend on beside the arguments; the number of threads is not among it."""
        return {"engine": self.name, "instruction set": self.instruction_set, "NumPy": np.__version__}

    def keep_average(self, decay: float, average: NDArray[np.float32] | None = None, count: int = 0) -> bool:
        """Keep the moving average of theta that `WeightAveraging` describes, from the coming step on.

        Args:
            decay: d, from above 0 to below 1.
            average: θ̄ as it stands; None where it begins.
            count: the steps that are in it.

        Returns:
            Whether it is kept: there is one for each engine.
        """
        if self.plan.rule["average"]:
            return False
        moments = self.moments
        self._prepare(decay, self.step - count)
        self.restore(moments, self.step)
        if average is not None:
            self._copy_in(average, int(self.plan.rule["average"]))
        return True

    @property
    def average(self) -> NDArray[np.float32]:
        """The moving average of theta that is kept, copied."""
        average: NDArray[np.float32] = np.empty_like(self.workspace.theta)
        self._copy_out(average, int(self.plan.rule["average"]))
        return average

    @property
    def moments(self) -> list[NDArray[np.float32]]:
        """The optimizer's moments, copied, in theta's order."""
        moments = [np.zeros_like(self.workspace.theta) for _ in range(self.descent.optimizer.moments)]
        for vector, name in zip(moments, ("first", "second"), strict=False):
            self._copy_out(vector, int(self.plan.rule[name]))
        return moments

    def restore(self, moments: Sequence[NDArray[np.float32]], step: int) -> None:
        """Go on from these moments after so many steps; theta has been restored in the workspace."""
        self.step = step
        for vector, name in zip(moments, ("first", "second"), strict=False):
            self._copy_in(vector, int(self.plan.rule[name]))

    def _copy_in(self, vector: NDArray[np.float32], shift: int) -> None:
        for parameters in self.plan.parameters:
            parameters.copy(self.arena, vector, out=False, shift=shift)

    def _copy_out(self, vector: NDArray[np.float32], shift: int) -> None:
        for parameters in self.plan.parameters:
            parameters.copy(self.arena, vector, out=True, shift=shift)


def as_rows(images: NDArray[Any]) -> tuple[NDArray[Any], int]:
    """The images as the kernels read them, bytes or float32, not copied if they are so already; and their channels."""
    channels = images.shape[-1] if images.ndim == 4 else 1
    return plain(images, BYTES if images.dtype == BYTES else FLOATS), channels


def _mostly_zero(images: NDArray[Any], normalization: Normalization) -> bool:
    """Whether most numbers that the network reads will be 0, by the first images."""
    sample = images[:SAMPLE]
    return bool(images.dtype == np.uint8 and normalization.offset == 0 and 2 * np.count_nonzero(sample) < sample.size)
