"""glass-from-black-box: sigmoid outputs with binary cross-entropy, once as "is it a 5?", once for all ten digits.

Its author met NaN where a logarithm met 0, and added ε = 1e-8 in it. The gradient a − y, however, is that of the
loss without ε: training is the same to the bit, and only the loss that is printed differs. Both are measured here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pellucid.data.dataset import Dataset
from pellucid.layers import Numbers
from pellucid.losses import BinaryCrossEntropy
from pellucid.network import Network
from pellucid.recipe import changed, find
from pellucid.systems.system import Outcome, Parts, Report, Results, System, mean_of
from pellucid.systems.trained import WORDS, Trained

EPSILON = 1e-8
DIGIT = 5
NAME = "glass-from-black-box"


class EpsilonBinaryCrossEntropy(BinaryCrossEntropy):
    """L = −Σ_k [y_k log(a_k + ε) + (1 − y_k) log(1 − a_k + ε)], with the gradient of the loss without ε.

    No output costs more than −log ε = 18.4, however wrong and sure it is.
    """

    def forward(self, t: Numbers) -> None:
        self.link.forward(t)
        t.losses = -(t.y * t.xp.log(t.a + EPSILON) + (1 - t.y) * t.xp.log(1 - t.a + EPSILON)).sum(axis=0)


def is_it(digit: int, data: Dataset) -> Dataset:
    """The data set of the question "is it this digit?", with two classes: 0 is no, 1 is yes."""
    labels = (data.labels == digit).astype(np.int64)
    return replace(data, labels=labels, classes=(f"not {digit}", f"{digit}"), name=f"{data.name}: is it a {digit}?")


@dataclass(frozen=True, kw_only=True)
class BlackBox(Trained):
    """The recipe, and the loss in both forms. With a `digit` it is asked about that alone."""

    digit: int | None = None

    def data(self, parts: Parts, folder: Path) -> Parts:
        if self.digit is None:
            return parts
        train, test = parts
        return is_it(self.digit, train), is_it(self.digit, test)

    def run(self, train: Dataset, test: Dataset, seed: int) -> Outcome:
        network = self.network(train, seed)
        seconds = self.fit(network, train, seed)
        evaluation = network.evaluate(test)
        notes = {
            "loss": evaluation.loss,
            "loss_with_epsilon": loss_with_epsilon(network, test),
            "logarithms_of_0": int(np.isin(evaluation.outputs, (0, 1)).sum()),
            "commonest_class": float(np.bincount(test.labels).max() / len(test)),
        }
        return Outcome({"test": evaluation.accuracy}, seconds, notes)


def loss_with_epsilon(network: Network, data: Dataset) -> float:
    """The mean loss as the author writes it; the network keeps its own."""
    own = network.loss
    network.loss = EpsilonBinaryCrossEntropy(own.link)
    try:
        return network.evaluate(data).loss
    finally:
        network.loss = own


def report(results: Results, parts: Parts) -> Report:
    """The loss in both forms, and what the accuracy of a single question is worth."""
    return Report([f"{title}: {line}" for title, line in _lines(results)])


def _lines(results: Results) -> Iterator[tuple[str, str]]:
    for variant, outcomes in results.items():
        title = f"is it a {DIGIT}?" if variant else "all digits"
        loss, epsilon = (mean_of(outcomes, note) for note in ("loss", "loss_with_epsilon"))
        yield title, f"test loss {loss:.6f}, and {epsilon:.6f} with ε = {EPSILON:g} in the logarithms"
        zeros = mean_of(outcomes, "logarithms_of_0")
        yield title, f"{zeros:,.1f} outputs a run are exactly 0 or 1, where log 0 without ε would have come up"
        if variant:
            yield title, f'always answering "no" is right for {mean_of(outcomes, "commonest_class"):.2%}'


RECIPE = find(NAME)
QUESTION = changed(RECIPE, architecture="784-128-64-1")
SYSTEM = System(
    NAME,
    RECIPE.source,
    (
        BlackBox(what=f"all digits, {WORDS}", recipe=RECIPE),
        BlackBox(what=f"is it a {DIGIT}? {WORDS}", variant="is-it-a-5", recipe=QUESTION, digit=DIGIT),
    ),
    report,
)
