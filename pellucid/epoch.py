"""One epoch of a training: the order of its examples, its learning rates, and what its steps came to so far."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pellucid.data.distortion import Distortions
from pellucid.engine.engines import Engine, gradient_beside
from pellucid.layers import Array
from pellucid.network import Network
from pellucid.randomness import generator

Draw = Callable[[NDArray[np.int64], int], Distortions]


class Epoch:
    """An epoch under way.

    Args:
        number: 1, 2, ...
        engine: takes the steps.
        rates: learning rates of all its steps, never chunk by chunk: bits could differ.
        seed: of the shuffling.
        draw: how images are distorted, by their places and the epoch.
    """

    def __init__(
        self, number: int, engine: Engine, rates: NDArray[np.float64], seed: int, draw: Draw | None = None
    ) -> None:
        self.number, self.engine, self.rates, self.draw = number, engine, rates, draw
        examples, size, weights = len(engine.images), engine.batch_size, engine.weights
        starts = np.arange(0, examples, size)  # of each step's examples
        self.order = generator(seed, "shuffle", number).permutation(examples)
        self.counts = np.diff(np.append(starts, examples))
        self.shares = self.counts if weights is None else np.add.reduceat(weights[self.order], starts)
        self.losses, self.correct = np.empty(len(starts)), np.empty(len(starts), np.int64)
        self.position, self.seconds = 0, 0.0  # the steps done, and what they took, in chunks of the loop

    def batch(self, part: slice) -> tuple[NDArray[np.int64], Distortions | None]:
        """The examples of these steps, and how they are distorted."""
        examples = self.order[part.start * self.engine.batch_size : part.stop * self.engine.batch_size]
        return examples, self.draw(examples, self.number) if self.draw else None

    def gradient(self, network: Network) -> Array:
        """∇L of the batch that comes next, by the reference formulas in a workspace of their own."""
        theta = np.array(network.theta)
        workspace = network.workspace(theta, np.empty_like(theta))  # with a copy of the state
        return gradient_beside(self.engine, workspace, *self.batch(slice(self.position, self.position + 1)))

    def run(self, steps: int) -> slice:
        """Take so many steps, or those that are left; which they were."""
        part = slice(self.position, min(self.position + steps, len(self.counts)))
        examples, distortions = self.batch(part)
        self.losses[part], self.correct[part] = self.engine.run(examples, self.rates[part], distortions)
        self.position = part.stop
        return part

    @property
    def over(self) -> bool:
        """Whether all its steps are done."""
        return self.position == len(self.counts)

    @property
    def done(self) -> int:
        """Examples so far."""
        return int(self.counts[: self.position].sum())

    @property
    def loss(self) -> float:
        """The mean over them, each batch measured before its update; weighted if examples have weights."""
        shares = self.shares[: self.position]
        return float(self.losses[: self.position] @ shares / shares.sum()) if self.position else 0.0

    @property
    def accuracy(self) -> float:
        """The share of them that was classified right before the update."""
        return int(self.correct[: self.position].sum()) / max(self.done, 1)
