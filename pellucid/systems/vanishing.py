"""vanishing: the lesson of glass-from-black-box. In a deep network of sigmoids the first layers hardly learn.

The slope of a sigmoid is at most 1/4, that of a ReLU is 1 wherever it is not 0. On its way back the gradient is
multiplied by one slope in each layer, so six layers of sigmoids leave little of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data.dataset import Dataset
from pellucid.glass.chart import Panel, draw
from pellucid.layers.dense import Dense
from pellucid.network import Network
from pellucid.optimizers import SGD
from pellucid.systems.system import Outcome, Parts, Protocol, Report, Results, System, mean_of
from pellucid.training import fit

ARCHITECTURE = "784-64-64-64-64-64-10"  # six layers
MEASURED_ON = 1000  # training images, the first ones


@dataclass(frozen=True, kw_only=True)
class Deep(Protocol):
    """The deep network with this activation between its layers; both begin with the same weights."""

    activation: str
    epochs: int = 1
    batch_size: int = 32
    learning_rate: float = 0.1

    def run(self, train: Dataset, test: Dataset, seed: int) -> Outcome:
        network = Network(
            ARCHITECTURE,
            activation=self.activation,
            output="sigmoid",
            initializer="he",
            seed=seed,
            classes=train.classes,
        )
        norms = gradient_norms(network, train.subset(slice(MEASURED_ON)))
        before = weights(network)
        history = fit(
            network,
            train,
            epochs=self.epochs,
            batch_size=self.batch_size,
            optimizer=SGD(self.learning_rate),
            seed=seed,
        )
        moved = [
            float(np.linalg.norm(W - W0) / np.linalg.norm(W0)) for W, W0 in zip(weights(network), before, strict=True)
        ]
        accuracy = network.evaluate(test).accuracy
        seconds = sum(history.history["seconds"])
        return Outcome({"test": accuracy}, seconds, {"log10_norms": np.log10(norms).tolist(), "moved": moved})


def gradient_norms(network: Network, data: Dataset) -> list[float]:
    """‖dW‖ of each dense layer, first to last, of the mean loss on these images."""
    network.loss_and_gradient(data.images, data.labels)
    return [float(np.linalg.norm(layer.dW)) for layer in network.layers if isinstance(layer, Dense)]


def weights(network: Network) -> list[NDArray[Any]]:
    """A copy of W of each dense layer."""
    return [layer.W.copy() for layer in network.layers if isinstance(layer, Dense)]


def report(results: Results, parts: Parts) -> Report:
    """The gradients' norms and how far the weights moved, by layer, as a table and as a picture."""
    names = {"": "ReLU", "sigmoid": "sigmoid"}
    norms = {names[variant]: mean_of(outcomes, "log10_norms") for variant, outcomes in results.items()}
    moved = {names[variant]: mean_of(outcomes, "moved") for variant, outcomes in results.items()}
    lines = [
        f"norm of the gradient dW before the first step, on {MEASURED_ON:,} images (mean of its logarithm), and how",
        "far W moved in training, in units of its length:",
        "layer   "
        + "".join(f"{f'dW, {name}':>14}" for name in norms)
        + "".join(f"{f'moved, {name}':>16}" for name in moved),
    ]
    for layer in range(len(ARCHITECTURE.split("-")) - 1):
        gradients = "".join(f"{10 ** norm[layer]:>14.2e}" for norm in norms.values())
        lines.append(f"dense{layer + 1}  {gradients}" + "".join(f"{far[layer]:>16.1%}" for far in moved.values()))
    for name, norm in norms.items():
        lines.append(
            f"{name}: the last layer's gradient is {10 ** (norm[-1] - norm[0]):,.1f} times as long as the first's"
        )
    return Report(lines, {"vanishing.png": _picture(norms, moved)})


def _picture(norms: dict[str, Any], moved: dict[str, Any]) -> bytes:
    gradients = Panel(
        "norm of the gradient dW",
        {name: norm.tolist() for name, norm in norms.items()},
        "layer",
        lambda power: f"{10**power:.2g}",
    )
    distance = Panel("how far W moved", {name: far.tolist() for name, far in moved.items()}, "layer", "{:.0%}".format)
    return draw([gradients, distance], f"{ARCHITECTURE}: six layers, all in sigmoid and with ReLU")


SYSTEM = System(
    "vanishing",
    "The lesson of glass-from-black-box",
    (
        Deep(what="six layers, ReLU, one epoch", activation="relu"),
        Deep(what="six layers, all in sigmoid, one epoch", variant="sigmoid", activation="sigmoid"),
    ),
    report,
)
