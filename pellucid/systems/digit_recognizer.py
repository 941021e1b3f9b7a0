"""digit-recognizer: Kaggle's 42,000 digits, and full-batch gradient descent on 16,800 of them.

The bias gradient of its author is one number in each layer, summed over all units. The gradient check names that
mistake; the recipe uses the right gradient, and a second protocol measures what changes with the author's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pellucid.callbacks import Callback, Progress
from pellucid.data.dataset import Dataset
from pellucid.data.formats.table import read_table, write_table
from pellucid.errors import DataError
from pellucid.glass.gradcheck import gradcheck
from pellucid.glass.planted import after_backward
from pellucid.layers import Numbers
from pellucid.layers.dense import Dense
from pellucid.network import Network
from pellucid.optimizers import SGD
from pellucid.randomness import generator
from pellucid.systems.system import Outcome, Parts, Protocol, Report, Results, System, draw_uniformly
from pellucid.training import fit

ARCHITECTURE = "784-10-10"
KAGGLE, MADE = "train.csv", "mnist-42000.csv"
ROWS = 42_000
VALIDATION = 0.6  # 25,200 of them
APART = 0.01  # at which its author stops: training and validation accuracy part
PUBLISHED = {"training": "0.882", "validation": "0.872"}
EVERY = 20  # steps between two looks at the accuracies


def table(train: Dataset, folder: Path) -> Dataset:
    """Kaggle's train.csv if it lies in the folder; else a table made from the first 42,000 training images.

    Either is read from the file. A table that was made is kept, and made anew when the images are others.
    """
    kaggle, made = folder / KAGGLE, folder / MADE
    if kaggle.exists():
        return _read(kaggle)
    first = train.subset(slice(ROWS))
    if made.exists() and (rows := _read(made)).sha256() == first.sha256():
        return rows
    write_table(made, first.images, first.labels)
    return _read(made)


def _read(path: Path) -> Dataset:
    part = read_table(path)
    if part.labels is None or part.labels.dtype != np.int64:
        raise DataError(f"{path} has no labels from 0 to 9; Kaggle's train.csv is expected, not its test.csv.")
    return Dataset(part.images, part.labels, name="digit-recognizer", source=str(path))


def divide(rows: Dataset, seed: int) -> Parts:
    """The rows, shuffled: the first three fifths validate, the others train. (training, validation)"""
    order = generator(seed, "split").permutation(len(rows))
    validation = round(VALIDATION * len(rows))
    return rows.subset(order[validation:]), rows.subset(order[:validation])


def one_bias_gradient(t: Numbers) -> None:
    """The author's: db = Σ dz over all units and examples, one number for the whole layer."""
    t.db[...] = t.dz.sum()


def make_network(author: bool, seed: int) -> Network:
    """The network with weights and biases from U(−0.5, 0.5), with the author's bias gradient if that is wished."""
    network = Network(ARCHITECTURE)
    draw_uniformly(network, 0.5, seed)
    for layer in network.layers if author else ():
        if isinstance(layer, Dense):
            after_backward(layer, one_bias_gradient)
    return network


class Watch(Callback):
    """The accuracies on training and validation images every so many steps (an epoch is one step here)."""

    def __init__(self, train: Dataset, validation: Dataset) -> None:
        self.train, self.validation = train, validation
        self.rows: list[tuple[int, float, float]] = []  # (step, training, validation)

    def on_epoch_end(self, epoch: int, logs: Progress) -> None:
        """Look."""
        if logs.epoch % EVERY == 0 or logs.epoch == logs.epochs:
            training, validation = (logs.network.evaluate(part) for part in (self.train, self.validation))
            self.rows.append((logs.epoch, training.accuracy, validation.accuracy))


@dataclass(frozen=True, kw_only=True)
class FullBatch(Protocol):
    """All training images in each step.

    Args:
        author: whether the bias gradient is the author's.
        steps: so many.
        learning_rate: of plain gradient descent.
    """

    author: bool
    steps: int = 860
    learning_rate: float = 0.1

    def data(self, parts: Parts, folder: Path) -> Parts:
        """The table; the test images are not needed."""
        return table(parts[0], folder), parts[1]

    def run(self, train: Dataset, test: Dataset, seed: int) -> Outcome:
        train, validation = divide(train, seed)
        network, watch = make_network(self.author, seed), Watch(train, validation)
        history = fit(
            network,
            train,
            epochs=self.steps,
            batch_size=len(train),
            optimizer=SGD(self.learning_rate),
            seed=seed,
            callbacks=[watch],
        )
        _, *accuracies = watch.rows[-1]
        parted = next((step for step, first, second in watch.rows if abs(first - second) > APART), None)
        notes = {"parted": parted, "accuracies": watch.rows}
        figures = dict(zip(self.figures, accuracies, strict=True))
        return Outcome(figures, sum(history.history["seconds"]), notes)


def report(results: Results, parts: Parts) -> Report:
    """When its author would have stopped, what the gradient check says of his bias gradient, what that changes."""
    titles = {variant: "the author's bias gradient" if variant else "the right bias gradient" for variant in results}
    lines = [f"{titles[variant]}: {_stop(outcomes)}" for variant, outcomes in results.items()]
    lines += [f"{titles[variant]}: gradient check {_found(author=bool(variant))}" for variant in results]
    pairs = zip(*results.values(), strict=False)  # of the seeds that both have
    training, validation = np.mean([[b.accuracies[f] - a.accuracies[f] for f in PUBLISHED] for a, b in pairs], axis=0)
    lines.append(f"the author's instead of the right one: {training:+.2%} on training, {validation:+.2%} on validation")
    return Report(lines)


def _stop(outcomes: Sequence[Outcome]) -> str:
    """How often training and validation accuracy parted."""
    early = [outcome.notes["parted"] for outcome in outcomes if outcome.notes["parted"] is not None]
    when = f", first after {min(early)} to {max(early)} steps" if early else ""
    return f"training and validation part by more than {APART} in {len(early)} of {len(outcomes)} runs{when}"


def _found(author: bool) -> str:
    """What the gradient check says of the network."""
    check = gradcheck(make_network(author, seed=0))
    if check.passed:
        return "passes"
    worst = check.suspect
    return f"fails; {worst.name} is wrong first: {worst.difference:.1e} apart, where {worst.tolerance:.1e} is allowed"


SYSTEM = System(
    "digit-recognizer",
    "HanCreation, ScratchNN_DigitMNIST (a repository)",
    (
        FullBatch(what="784-10-10, {steps} full-batch steps", figures=PUBLISHED, author=False, seeds=10),
        FullBatch(
            what="the same, one bias gradient a layer", variant="author", figures=PUBLISHED, author=True, seeds=5
        ),
    ),
    report,
)
