"""scalar-notes: 100 steps of a small network that begins with weights and biases from U(−1, 1).

Its code takes the same 32 images at every step and plots the accuracy on them; weight gradients are summed over the
batch, bias gradients averaged, as its code does. Beside it: 100 fresh batches, and the same batches with He's
initialization and an averaged gradient, at a rate that is chosen on held-out training images.
"""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data.dataset import Dataset
from pellucid.glass.chart import Panel, draw
from pellucid.glass.sheet import Tile
from pellucid.glass.sheet import draw as draw_sheet
from pellucid.layers.dense import Dense
from pellucid.losses import decide
from pellucid.network import Network
from pellucid.randomness import generator
from pellucid.systems.system import Outcome, Parts, Protocol, Report, Results, System, draw_uniformly, mean_of

ARCHITECTURE = "784-10-10"
BATCH_SIZE = 32
STEPS = 100
SAMPLES = 10  # test images in the picture
RATES = (0.03, 0.1, 0.2, 0.3, 0.5, 1.0)  # from which the fitting one is chosen
HELD_OUT = 1 / 6  # of the training images, to choose it on


@dataclass(frozen=True, kw_only=True)
class Notes(Protocol):
    """Its training: the same batch at each step, or a fresh one.

    Args:
        fresh: whether the batches are fresh.
        steps: so many.
        learning_rate: of both kinds of parameters; a weight's gradient is a sum, a bias's a mean.
    """

    fresh: bool
    steps: int = STEPS
    learning_rate: float = 0.03

    def run(self, train: Dataset, test: Dataset, seed: int) -> Outcome:
        network = Network(ARCHITECTURE, classes=train.classes)
        draw_uniformly(network, 1.0, seed)
        batches, _ = deal(len(train), self.steps, seed)
        began, curve = perf_counter(), []
        for batch in batches if self.fresh else [batches[0]] * self.steps:
            curve.append(step(network, train.images[batch], train.labels[batch], self.learning_rate))
        seconds = perf_counter() - began
        seen, unseen = (network.evaluate(part).accuracy for part in (train.subset(batches[0]), test))
        notes = {"test_accuracy": unseen, **curves(curve), **samples(network, test)}
        return Outcome({"test": unseen} if self.fresh else {"those 32": seen}, seconds, notes)


def deal(examples: int, steps: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The examples of each step, (steps, 32), all different where there are enough; and a sixth that is in none."""
    held_out, rest = np.split(generator(seed, "shuffle").permutation(examples), [round(HELD_OUT * examples)])
    return np.resize(rest, (steps, BATCH_SIZE)), held_out


def step(network: Network, images: NDArray[Any], labels: NDArray[Any], rate: float) -> tuple[float, float]:
    """A step as its code takes it; the loss and the accuracy on the batch before it."""
    loss, _ = network.loss_and_gradient(images, labels)  # of the mean loss: dW and db are averages
    accuracy = _right(network, labels)
    for layer in network.layers:
        if isinstance(layer, Dense):
            layer.W -= rate * len(images) * layer.dW  # times 32 it is a sum
            layer.b -= rate * layer.db
    return loss, accuracy


@dataclass(frozen=True, kw_only=True)
class Fitting(Protocol):
    """The same fresh batches with He's initialization, θ ← θ − α ∇L, and the rate of RATES that does best.

    For each rate a network is trained. The one with the highest accuracy on the sixth of the training images that is in
    no batch is tested.
    """

    steps: int = STEPS

    def run(self, train: Dataset, test: Dataset, seed: int) -> Outcome:
        batches, rest = deal(len(train), self.steps, seed)
        held_out = train.subset(rest)
        began = perf_counter()
        trained = [(rate, *self.descend(train, batches, rate, seed)) for rate in RATES]
        seconds = (perf_counter() - began) / len(RATES)  # of one training
        rate, network, curve = max(trained, key=lambda one: one[1].evaluate(held_out).accuracy)
        notes = {"learning_rate": rate, **curves(curve), **samples(network, test)}
        return Outcome({"test": network.evaluate(test).accuracy}, seconds, notes)

    def descend(
        self, train: Dataset, batches: NDArray[np.int64], rate: float, seed: int
    ) -> tuple[Network, list[tuple[float, float]]]:
        """A network trained on these batches at this rate, and the loss and accuracy of each batch before its step."""
        network = Network(ARCHITECTURE, initializer="he", seed=seed, classes=train.classes)
        curve = []
        for batch in batches:
            loss, gradient = network.loss_and_gradient(train.images[batch], train.labels[batch])
            curve.append((loss, _right(network, train.labels[batch])))
            network.theta -= rate * gradient
        return network, curve


def _right(network: Network, labels: NDArray[Any]) -> float:
    """The share of the last pass's examples that were classified right."""
    return float((decide(network.layers[-1].z) == labels).mean())


def curves(curve: list[tuple[float, float]]) -> dict[str, list[float]]:
    """Loss and accuracy of each step, as notes."""
    losses, accuracies = zip(*curve, strict=True)
    return {"losses": [round(loss, 6) for loss in losses], "accuracies": list(accuracies)}


def samples(network: Network, test: Dataset) -> dict[str, Any]:
    """What the network says of the first test images, as notes."""
    outputs = network.predict(test.images[:SAMPLES])
    return {"answers": outputs.argmax(axis=1).tolist(), "probabilities": outputs.max(axis=1).tolist()}


TITLES = {"": "the same 32 images", "fresh": "fresh batches", "fitting": "fresh, He"}


def report(results: Results, parts: Parts) -> Report:
    """What was learnt of the 32 images, which rates did best, and the three pictures: accuracy, loss, predictions."""
    same = mean_of(results[""], "test_accuracy")
    rates = [outcome.notes["learning_rate"] for outcome in results["fitting"]]
    counts = ", ".join(f"{rate:g} ({rates.count(rate)}×)" for rate in sorted(set(rates)))
    lines = [
        f"trained on the same 32 images, the network reads {same:.1%} of the test images",
        f"learning rates that did best on held-out training images: {counts}",
    ]
    pictures = {
        "scalar-notes-accuracy.png": _curves(results, "accuracies", "accuracy"),
        "scalar-notes-loss.png": _curves(results, "losses", "loss"),
        "scalar-notes-predictions.png": _predictions(results, parts[1]),
    }
    return Report(lines, pictures)


def _curves(results: Results, note: str, title: str) -> bytes:
    lines = {TITLES[variant]: mean_of(outcomes, note).tolist() for variant, outcomes in results.items()}
    panel = Panel(f"{title} on the batch", lines, "step")
    return draw([panel], f"{ARCHITECTURE}, {STEPS} steps, mean over the seeds")


def _predictions(results: Results, test: Dataset) -> bytes:
    """The first test images, a row for each protocol, with the answers of its network of seed 0."""
    tiles = []
    for outcomes in results.values():
        notes = outcomes[0].notes
        for k, (answer, probability) in enumerate(zip(notes["answers"], notes["probabilities"], strict=True)):
            words = f"{test.classes[answer]}, {probability:.0%}" + ("" if answer == test.labels[k] else ": wrong")
            tiles.append(Tile(test.images[k], [words]))
    rows = "; ".join(TITLES[variant] for variant in results)
    return draw_sheet(tiles, f"{ARCHITECTURE}, {STEPS} steps, seed 0. Row by row: {rows}", SAMPLES, scale=2)


SYSTEM = System(
    "scalar-notes",
    "Mikulej, nn-from-scratch (a repository)",
    (
        Notes(what="{steps} steps on the same 32 images", figures={"those 32": "0.56–0.62"}, fresh=False),
        Notes(what="{steps} fresh batches of 32", variant="fresh", fresh=True),
        Fitting(what="those, He, averaged gradient, fitting rate", variant="fitting"),
    ),
    report,
)
