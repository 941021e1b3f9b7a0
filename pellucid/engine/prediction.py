"""Prediction of a few examples by the kernels: one call of a plan that reads theta where it lies."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data.normalization import Normalization
from pellucid.engine.compiled import instruction_set, prepare
from pellucid.engine.lowering import lower_prediction
from pellucid.engine.native import as_rows
from pellucid.layers import Activation, Layer

MOST_EXAMPLES = 16  # for more, NumPy's matrix products read theta less often
MOST_WORK = 4_000_000  # multiplications; other threads of Python wait meanwhile


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
    ) -> NDArray[np.float32]:
        """The outputs (N, outputs) for images (N, ...)."""
        images, channels = as_rows(images)
        outputs = np.empty((len(images), self.outputs), np.float32)
        area = images.size // len(images) // channels
        self.runner.predict(images, theta, area, channels, normalization.scale, normalization.offset, outputs)
        return outputs
