"""sixteen-sixteen: 784-16-16-10, all sigmoid, squared error, 13,002 parameters.

Its author first writes the gradient as a loop: over the examples, and within it over the layers from the last to the
first. `gradient_by_examples` is that loop. Pellucid's own matrices give the same numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data.dataset import Dataset, one_hot
from pellucid.layers.dense import Dense
from pellucid.network import Network
from pellucid.recipe import changed, find
from pellucid.systems.system import Outcome, Parts, Report, Results, System
from pellucid.systems.trained import Trained

EXAMPLES = 32  # on which the two gradients are compared
NAME = "sixteen-sixteen"


def gradient_by_examples(network: Network, images: NDArray[Any], labels: NDArray[Any]) -> NDArray[Any]:
    """The gradient of the mean squared error of a network of sigmoids, example by example, layer by layer.

    Args:
        network: dense layers, each followed by a sigmoid, the last one's being the output link.
        images: (N, ...) examples.
        labels: (N,) class numbers.

    Returns:
        As long as theta and in its order: for each layer the derivatives by W, then those by b.
    """
    layers = [layer for layer in network.layers if isinstance(layer, Dense)]
    examples = network.normalization.columns(images, network.dtype).T
    total = np.zeros_like(network.theta)
    for x, y in zip(examples, one_hot(labels, network.outputs), strict=True):
        inputs, logits, a = [], [], x
        for layer in layers:
            inputs.append(a)
            logits.append(layer.W @ a + layer.b.reshape(-1))
            a = sigmoid(logits[-1])
        gradient: list[NDArray[Any]] = []
        da = 2 * (a - y)
        for layer, before, z in reversed(list(zip(layers, inputs, logits, strict=True))):
            dz = da * sigmoid_derivative(z)
            dW = dz.reshape(-1, 1) @ before.reshape(1, -1)
            gradient = [dW.reshape(-1), dz, *gradient]
            da = layer.W.T @ dz
        total += np.concatenate(gradient)
    return total / len(images)


def sigmoid(z: NDArray[Any]) -> NDArray[Any]:
    """σ(z) = 1 / (1 + e^−z), as it is written in books."""
    a: NDArray[Any] = 1 / (1 + np.exp(-z))
    return a


def sigmoid_derivative(z: NDArray[Any]) -> NDArray[Any]:
    """σ'(z) = σ(z) (1 − σ(z))."""
    a: NDArray[Any] = sigmoid(z)
    return np.asarray(a * (1 - a))


@dataclass(frozen=True, kw_only=True)
class SixteenSixteen(Trained):
    """The recipe, and how far its author's loop is from the matrices, in float64."""

    def run(self, train: Dataset, test: Dataset, seed: int) -> Outcome:
        outcome = super().run(train, test, seed)
        exact = changed(self.recipe, dtype="float64", seed=seed).make_network(train.input_shape, train.classes)
        images, labels = train.images[:EXAMPLES], train.labels[:EXAMPLES]
        _, gradient = exact.loss_and_gradient(images, labels)
        apart = np.abs(gradient_by_examples(exact, images, labels) - gradient).max() / np.abs(gradient).max()
        return replace(outcome, notes={"apart": float(apart), "parameters": exact.theta.size})


def report(results: Results, parts: Parts) -> Report:
    """How far the two forms of the gradient are apart."""
    (outcomes,) = results.values()
    apart = max(outcome.notes["apart"] for outcome in outcomes)
    return Report(
        [
            f"{outcomes[0].notes['parameters']:,} parameters; the gradient by a loop over {EXAMPLES} examples and by "
            "matrices, float64:",
            f"at most {apart:.1e} apart, in units of the largest derivative",
        ]
    )


RECIPE = find(NAME)
SYSTEM = System(
    NAME,
    RECIPE.source,
    (SixteenSixteen(what="{recipe.architecture}, all sigmoid, {recipe.epochs} epochs", recipe=RECIPE),),
    report,
)
