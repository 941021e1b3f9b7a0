"""Prediction: by the kernels where there are some for the network, else by the formulas in parts."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.arithmetic import operations_of
from pellucid.data.normalization import Normalization
from pellucid.engine import reference
from pellucid.engine.compiled import copy, instruction_set, missing, prepare
from pellucid.engine.lowering import AT_ONCE, lower_few, lower_many
from pellucid.engine.native import as_rows, unavailable
from pellucid.engine.plan import Plan
from pellucid.errors import NumericError
from pellucid.layers import Layer, walk
from pellucid.layers.activation import Activation
from pellucid.layers.convolution import Convolution
from pellucid.layers.dense import Dense
from pellucid.layers.dropout import Disturbance
from pellucid.layers.pooling import MaxPooling
from pellucid.layers.reshape import Flatten
from pellucid.losses import Loss
from pellucid.machine import cores
from pellucid.workspace import Workspace, slots

PREDICTED = (Dense, Convolution, MaxPooling, Flatten, Activation, Disturbance)  # layers that the plans know
FEW = 16  # examples, at most; for more, it pays to pack the parameters
FEW_OPERATIONS = 8_000_000  # of few examples; other threads of Python wait meanwhile, about 0.1 ms
WORK_AT_ONCE = 2 * 10**8  # operations of the examples that go through the formulas together
NATIVE_WORK_AT_ONCE = 10**10  # and through the kernels, about 0.1 s: then an interruption is noticed
MOST_RUNNERS = 2  # that wait for the next prediction; each has an arena and threads


def whole(theta: NDArray[Any]) -> NDArray[Any]:
    """A copy of theta, which the native engine may be training beside us, as it is between two of its chunks."""
    if theta.dtype != np.float32 or missing():
        return theta
    kept = np.empty_like(theta)
    copy(kept, theta)
    return kept


def check_finite(outputs: NDArray[Any]) -> NDArray[Any]:
    """The outputs of a network, if they are finite (NumericError)."""
    bad = int((~np.isfinite(outputs)).any(axis=1).sum())
    if bad:
        raise NumericError(
            f"The outputs for {bad} of {len(outputs)} examples are NaN or infinite: the weights of the network, or the "
            "values of the examples, are too large."
        )
    return outputs


@dataclass
class Runner:
    """A plan with an arena of its own, for one prediction at a time."""

    plan: Plan
    arena: NDArray[np.float32]
    native: Any

    def __call__(
        self, theta: NDArray[Any], images: NDArray[Any], normalization: Normalization, outputs: NDArray[Any]
    ) -> bool:
        """Fill in the outputs for the images; whether all are finite."""
        rows, channels = as_rows(images)
        area, scale, offset = rows.size // len(rows) // channels, normalization.scale, normalization.offset
        finite: bool = self.native.predict(rows, theta, area, channels, scale, offset, outputs)
        return finite


@dataclass
class Made:
    """What was made for these formulas: link and slopes, which may be changed."""

    formulas: list[Any]
    few: Runner | None = None
    idle: deque[Runner] | None = None  # for many examples; None where there are no kernels


class Predictor:
    """Predicts by the kernels, where there are some for these layers.

    Several threads may ask at once. Few examples take some µs with the GIL held, and read theta where it lies. For
    many, each thread has a runner of its own, to which the parameters are copied, and the GIL is released.
    """

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.layers = layers
        self.outputs, self.operations = prod(layers[-1].output_shape), operations_of(layers)
        self.sloped = [layer for layer in walk(layers) if "slope" in vars(layer)]
        self.made = Made([])

    def __call__(
        self, link: Activation, theta: NDArray[Any], images: NDArray[Any], normalization: Normalization
    ) -> NDArray[np.float32] | None:
        """The outputs (N, outputs) for a few images (N, ...); None where `answer` is to be asked.

        Raises:
            NumericError: outputs that are not finite.
        """
        if len(images) > FEW or len(images) * self.operations > FEW_OPERATIONS:
            return None
        few = self._made_for(link, theta).few
        if few is None:
            return None
        outputs = np.empty((len(images), self.outputs), np.float32)
        return outputs if few(theta, images, normalization, outputs) else check_finite(outputs)

    def logits(
        self, link: Activation, theta: NDArray[Any], images: NDArray[Any], normalization: Normalization
    ) -> NDArray[np.float32] | None:
        """The logits (N, outputs) for images (N, ...); None without kernels. Nobody may move theta meanwhile."""
        idle = self._made_for(link, theta).idle
        if idle is None:
            return None
        try:
            runner = idle.pop()
        except IndexError:  # all are busy
            runner = _runner(lower_many(self.layers, cores()), cores())
        for parameters in runner.plan.parameters:
            parameters.copy(runner.arena, theta, out=False)
        logits = np.empty((len(images), self.outputs), np.float32)
        at_once = max(AT_ONCE, NATIVE_WORK_AT_ONCE // self.operations)
        for start in range(0, len(images), at_once):
            part = slice(start, start + at_once)
            runner(theta, images[part], normalization, logits[part])
        if len(idle) < MOST_RUNNERS:
            idle.append(runner)
        return logits

    def _made_for(self, link: Activation, theta: NDArray[Any]) -> Made:
        formulas = [link.kind, *[vars(layer)["slope"] for layer in self.sloped]]
        made = self.made
        if made.formulas != formulas:
            made = Made(formulas)
            statistics = slots(self.layers, "state")  # no plan reads them
            known = all(isinstance(layer, PREDICTED) for layer in self.layers)
            if known and not statistics and not unavailable(self.layers, theta.dtype):
                plan = lower_few(self.layers, link)
                made = Made(formulas, _runner(plan, 1) if plan else None, deque())
            self.made = made
        return made


def _runner(plan: Plan, threads: int) -> Runner:
    return Runner(plan, *prepare(plan, threads, instruction_set()))


@np.errstate(over="ignore", invalid="ignore")  # check_finite says it in words
def answer(
    workspace: Workspace, loss: Loss, images: NDArray[Any], normalization: Normalization, predictor: Predictor,
    targets: NDArray[Any] | None = None,
) -> tuple[NDArray[Any], float]:  # fmt: skip
    """The outputs (N, outputs) for images (N, ...), and where there are targets (N, outputs) the mean loss.

    Raises:
        NumericError: outputs that are not finite.
    """
    logits = predictor.logits(loss.link, workspace.theta, images, normalization)
    outputs, total = np.empty((len(images), predictor.outputs), workspace.theta.dtype), 0.0
    at_once = len(images) if logits is not None else max(1, WORK_AT_ONCE // predictor.operations)
    for start in range(0, len(images), at_once):
        part, t = slice(start, start + at_once), workspace.loss
        if logits is None:
            x = normalization.columns(images[part], workspace.theta.dtype, workspace.input_shape)
            t.z = reference.forward(workspace, x)
        else:
            t.z = logits[part].T
        if targets is None:
            loss.link.forward(t)
        else:
            t.y = targets[part].T
            loss.forward(t)
            total += float(t.losses.sum(dtype=np.float64))
        outputs[part] = t.a.T
    return check_finite(outputs), total / len(images)
