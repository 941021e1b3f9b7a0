"""What is raced: a network, its optimizer and its batches; and how much arithmetic that is."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True)
class Work:
    """One row of the table.

    Args:
        architecture: dense, with ReLU between the layers, softmax and cross-entropy at the end.
        optimizer: "sgd", "momentum" or "adam".
        batch_size: examples a step.
        normalize: of the pixels.
    """

    architecture: str
    optimizer: str
    batch_size: int
    normalize: str = "unit"

    @property
    def name(self) -> str:
        """The row in words."""
        pixels = "" if self.normalize == "unit" else f", pixels {self.normalize}"
        return f"{self.architecture}, {self.optimizer}, batch {self.batch_size}{pixels}"

    @property
    def widths(self) -> list[int]:
        """The numbers of each layer, the input first."""
        return [int(width) for width in self.architecture.split("-")]

    @property
    def learning_rate(self) -> float:
        """One that every library learns with."""
        return {"sgd": 0.1, "momentum": 0.05, "adam": 0.001}[self.optimizer]

    @property
    def momentum(self) -> float:
        """Of the optimizer."""
        return 0.9 if self.optimizer == "momentum" else 0.0

    @property
    def arithmetic(self) -> int:
        """Multiplications and additions of the matrix products for one example: forwards, dW, and dx but the first."""
        products = [2 * inputs * outputs for inputs, outputs in pairwise(self.widths)]
        return 3 * sum(products) - products[0]


P03 = "784-128-64-10"
WORKS = (
    Work(P03, "sgd", 32),
    Work(P03, "sgd", 128),
    Work(P03, "adam", 128),
    Work("784-800-10", "momentum", 128),
    Work(P03, "sgd", 32, "standard"),
    Work(P03, "sgd", 128, "standard"),
)
