"""What a report is made of: a finished run, its network, and how that did on the test images."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data import Dataset
from pellucid.glass.trace import Trace
from pellucid.glass.tracing import trace
from pellucid.metrics import Evaluation
from pellucid.network import Network
from pellucid.optimizers import Optimizer
from pellucid.recipe import Recipe


@dataclass(frozen=True)
class Material:
    """What a report tells of.

    Args:
        recipe: resolved, of the run.
        result: what `pellucid train --json` printed.
        history: loss and accuracy by epoch.
        facts: what else it takes to repeat the run, in words: name and value.
        data: where the run's data are, as --data takes it.
        test_data: where the test images are.
        network: as it was trained.
        test: the test images.
        evaluation: of the network on these.
    """

    recipe: Recipe
    result: dict[str, Any]
    history: dict[str, list[float]]
    facts: dict[str, str]
    data: str
    test_data: str
    network: Network
    test: Dataset
    evaluation: Evaluation

    @cached_property
    def confidence(self) -> NDArray[Any]:
        """(N,): how sure the network was of each answer."""
        return self.evaluation.confidence

    @property
    def optimizer(self) -> Optimizer:
        """The recipe's."""
        return self.recipe.make_optimizer()

    @property
    def shown(self) -> int:
        """The test image whose step is shown: the surest mistake, or the first where there is none."""
        mistakes = self.evaluation.mistakes(1)
        return mistakes[0].index if mistakes else 0

    @property
    def step(self) -> Trace:
        """The step of that image."""
        part = slice(self.shown, self.shown + 1)
        labels = self.evaluation.labels[part]  # as numbers of the network's classes, which the data may order otherwise
        return trace(self.network, self.test.images[part], labels, optimizer=self.optimizer, dtype="float64")

    def image(self, index: int) -> NDArray[np.uint8]:
        """A test image, (height, width) or (height, width, 3)."""
        image: NDArray[np.uint8] = self.test.images[index]
        return image[..., 0] if image.ndim == 3 and image.shape[2] == 1 else image
