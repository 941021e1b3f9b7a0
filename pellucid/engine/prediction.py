"""Prediction of a few examples by the kernels: one call of a plan that reads theta where it lies."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data.normalization import Normalization
from pellucid.engine.compiled import copy, instruction_set, missing, prepare
from pellucid.engine.lowering import lower_prediction
from pellucid.engine.native import as_rows
from pellucid.layers import Activation, Layer

MOST_EXAMPLES = 16  # for more, NumPy's matrix products read theta less often
MOST_WORK = 4_000_000  # multiplications; other threads of Python wait meanwhile


def whole(theta: NDArray[Any]) -> NDArray[Any]:
    """A copy of theta, which the native engine may be training beside us, as it is between two of its chunks."""
    if theta.dtype != np.float32 or missing():
        return theta
    kept = np.empty_like(theta)
    copy(kept, theta)
    return kept


class Predictor:
    """Predicts by the kernels.

    Args:
        layers: a built network.
        link: its output link.
    """

    def __init__(self, layers: Sequence[Layer], link: Activation) -> None:
        self.outputs = prod(layers[-1].output_shape)
        _, self.runner = prepare(lower_prediction(layers, link, MOST_EXAMPLES), 1, instruction_set())

    def __call__(
        self, theta: NDArray[np.float32], images: NDArray[Any], normalization: Normalization
    ) -> tuple[NDArray[np.float32], bool]:
        """The outputs (N, outputs) for images (N, ...), and whether all of them are finite."""
        images, channels = as_rows(images)
        outputs = np.empty((len(images), self.outputs), np.float32)
        area = images.size // len(images) // channels
        scale, offset = normalization.scale, normalization.offset
        return outputs, self.runner.predict(images, theta, area, channels, scale, offset, outputs)
