"""What is raced: a network, its optimizer and its batches; and how much arithmetic that is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from pellucid.arithmetic import operations
from pellucid.layers import Layer
from pellucid.layers.activation import ReLU
from pellucid.layers.dense import Dense
from pellucid.layers.normalization import LayerNormalization
from pellucid.layers.pooling import MaxPooling
from pellucid.network import Network


@dataclass(frozen=True)
class Work:
    """One row of the table.

    Args:
        architecture: in the notation, with ReLU, softmax and cross-entropy at the end.
        optimizer: "sgd", "momentum" or "adam".
        batch_size: examples a step.
        normalize: of the pixels.
        examples: only so many to train on, and as large a share of the test images: an epoch of a large network would
            take some libraries minutes; 0: all.
    """

    architecture: str
    optimizer: str
    batch_size: int
    normalize: str = "unit"
    examples: int = 0

    @property
    def title(self) -> str:
        """The network in words."""
        return NAMES.get(self.architecture, self.architecture.removeprefix("1x28x28-"))

    @property
    def name(self) -> str:
        """The row in words."""
        pixels = "" if self.normalize == "unit" else f", pixels {self.normalize}"
        fewer = f", {self.examples:,} images" if self.examples else ""
        return f"{self.title}, {self.optimizer}, batch {self.batch_size}{pixels}{fewer}"

    @cached_property
    def network(self) -> Network:
        """The network at its beginning: every library starts from these weights."""
        return Network(self.architecture, seed=0)

    @property
    def layers(self) -> list[Layer]:
        """Those of the network, but maximum pooling before the ReLU: that is the same, on a quarter of the numbers."""
        layers = list(self.network.layers)
        for place, (first, second) in enumerate(pairwise(layers)):
            if isinstance(first, ReLU) and isinstance(second, MaxPooling):
                layers[place : place + 2] = second, first
        return layers

    @property
    def dense(self) -> bool:
        """Whether all that goes through the network is rows of numbers."""
        return all(isinstance(layer, Dense | ReLU | LayerNormalization) for layer in self.network.layers)

    @property
    def learning_rate(self) -> float:
        """One that every library learns with."""
        return {"sgd": 0.1, "momentum": 0.05, "adam": 0.001}[self.optimizer]

    @property
    def momentum(self) -> float:
        """Of the optimizer."""
        return 0.9 if self.optimizer == "momentum" else 0.0

    @property
    def forward_arithmetic(self) -> int:
        """Multiplications and additions of all products with weights, forwards, for one example."""
        return sum(self._products)

    @property
    def arithmetic(self) -> int:
        """The same for a training step: forwards, dW, and dx but the first."""
        return 3 * sum(self._products) - self._products[0]

    @property
    def _products(self) -> list[int]:
        return [operations(layer) for layer in self.network.layers if any(t.name == "W" for t in layer.tensors)]


def order(number: int, count: int) -> NDArray[np.int64]:
    """The examples of an epoch as every library takes them."""
    return np.random.default_rng(number).permutation(count)


P03 = "784-128-64-10"
LENET5 = "1x28x28-6C5p2-MP2-16C5-MP2-120-84-10"
SPEEDRUN = "1x28x28-24C5-MP2-32C3-MP2-256-10"
NAMES = {LENET5: "LeNet-5"}
WORKS = (
    Work(P03, "sgd", 32),
    Work(P03, "sgd", 128),
    Work(P03, "adam", 128),
    Work("784-800-10", "momentum", 128),
    Work("784-256-LN-256-LN-10", "adam", 128),
    Work(P03, "sgd", 32, "standard"),
    Work(P03, "sgd", 128, "standard"),
    Work(LENET5, "sgd", 32, examples=12_000),
    Work(LENET5, "sgd", 128, examples=12_000),
    Work(SPEEDRUN, "adam", 256, examples=12_000),
    Work("1x28x28-24C5-BN-MP2-32C3-BN-MP2-256-10", "adam", 256, examples=12_000),
    Work("1x28x28-32C5-MP2-64C5-MP2-128-10", "sgd", 128, examples=12_000),
    Work("1x28x28-32C3-64C3-MP2-128-10", "sgd", 64, examples=6_000),
)


@dataclass(frozen=True)
class Answering:
    """A row of predictions: what a network says of so many images at once."""

    architecture: str
    images: int

    @property
    def work(self) -> Work:
        """The network."""
        return Work(self.architecture, "sgd", 32)

    @property
    def name(self) -> str:
        """The row in words."""
        return f"{self.work.title}, one image" if self.images == 1 else f"{self.work.title}, {self.images:,} images"


ANSWERS = (Answering(P03, 1), Answering(LENET5, 1), Answering(LENET5, 10_000))
