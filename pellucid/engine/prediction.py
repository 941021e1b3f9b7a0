"""Prediction: many examples in parts through the formulas, a few by one call of the kernels."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.arithmetic import operations_of
from pellucid.data.normalization import Normalization
from pellucid.engine import reference
from pellucid.engine.compiled import copy, instruction_set, missing, prepare
from pellucid.engine.lowering import lower_prediction, reads_images
from pellucid.engine.native import as_rows, unavailable
from pellucid.errors import NumericError
from pellucid.layers import Layer
from pellucid.layers.activation import Activation
from pellucid.losses import Loss
from pellucid.workspace import Workspace

MOST_EXAMPLES = 16  # for more, NumPy's matrix products read theta less often
MOST_WORK = 4_000_000  # multiplications; other threads of Python wait meanwhile
WORK_AT_ONCE = 2 * 10**8  # operations of the examples that go through the network together


def whole(theta: NDArray[Any]) -> NDArray[Any]:
    """A copy of theta, which the native engine may be training beside us, as it is between two of its chunks."""
    if theta.dtype != np.float32 or missing():
        return theta
    kept = np.empty_like(theta)
    copy(kept, theta)
    return kept


@np.errstate(over="ignore", invalid="ignore")  # check_finite says it in words
def answer(
    workspace: Workspace, loss: Loss, images: NDArray[Any], normalization: Normalization,
    targets: NDArray[Any] | None = None,
) -> tuple[NDArray[Any], float]:  # fmt: skip
    """The outputs (N, outputs) for images (N, ...), and where there are targets (N, outputs) the mean loss.

    Raises:
        NumericError: outputs that are not finite.
    """
    layers, total = workspace.layers, 0.0
    outputs = np.empty((len(images), prod(layers[-1].output_shape)), workspace.theta.dtype)
    at_once = max(1, WORK_AT_ONCE // operations_of(layers))
    for start in range(0, len(images), at_once):
        part = slice(start, start + at_once)
        x = normalization.columns(images[part], workspace.theta.dtype, workspace.input_shape)
        if targets is None:
            t = workspace.loss
            t.z = reference.forward(workspace, x)
            loss.link.forward(t)
        else:
            t = reference.loss_of(workspace, loss, x, targets[part].T)
            total += float(t.losses.sum(dtype=np.float64))
        outputs[part] = t.a.T
    return check_finite(outputs), total / len(images)


def check_finite(outputs: NDArray[Any]) -> NDArray[Any]:
    """The outputs of a network, if they are finite (NumericError)."""
    bad = int((~np.isfinite(outputs)).any(axis=1).sum())
    if bad:
        raise NumericError(
            f"The outputs for {bad} of {len(outputs)} examples are NaN or infinite: the weights of the network, or the "
            "values of the examples, are too large."
        )
    return outputs


class Predictor:
    """Predicts a few examples by the kernels, where there are some for these layers, reading theta where it lies."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.layers = layers
        self.formulas: list[Any] = []  # that the runner was made for; layers and link may be changed
        self.runner: Any = None

    def __call__(
        self, link: Activation, theta: NDArray[Any], images: NDArray[Any], normalization: Normalization
    ) -> NDArray[np.float32] | None:
        """The outputs (N, outputs) for images (N, ...); None where `answer` is to be asked.

        Raises:
            NumericError: outputs that are not finite.
        """
        if len(images) > MOST_EXAMPLES or len(images) * theta.size > MOST_WORK:
            return None
        formulas = [link.kind, *[vars(layer).get("slope") for layer in self.layers]]
        if self.formulas != formulas:
            self.formulas, self.runner = formulas, None
            if not unavailable(self.layers, theta.dtype) and not reads_images(self.layers):
                plan = lower_prediction(self.layers, link, MOST_EXAMPLES)
                _, self.runner = prepare(plan, 1, instruction_set())
        if self.runner is None:
            return None
        images, channels = as_rows(images)
        outputs = np.empty((len(images), prod(self.layers[-1].output_shape)), np.float32)
        area = images.size // len(images) // channels
        scale, offset = normalization.scale, normalization.offset
        finite = self.runner.predict(images, theta, area, channels, scale, offset, outputs)
        return outputs if finite else check_finite(outputs)
