"""Optimizers: what a gradient does to theta. Each is a formula on flat vectors."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from numbers import Real

from pellucid.errors import UsageError
from pellucid.layers import Array
from pellucid.names import choose


@dataclass
class SGD:
    """Gradient descent on mini-batches:  θ ← θ − α ∇L.

    Args:
        learning_rate: α, above 0.

    Source: Robbins, Monro, "A stochastic approximation method", 1951.
    """

    learning_rate: float = 0.1

    def __post_init__(self) -> None:
        if not isinstance(self.learning_rate, Real) or not 0 < self.learning_rate < inf:
            raise UsageError(f"The learning rate must be a number above 0, not {self.learning_rate!r}.")

    def update(self, theta: Array, gradient: Array, learning_rate: float) -> None:
        """One step, in place."""
        theta -= learning_rate * gradient


OPTIMIZERS = {"sgd": SGD}


def make_optimizer(name: str, learning_rate: float) -> SGD:
    """The optimizer of that name."""
    return choose("optimizer", name, OPTIMIZERS)(learning_rate)
