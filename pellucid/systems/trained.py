"""A protocol that is a recipe: the ordinary `fit`, then the test."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from pellucid.data.dataset import Dataset
from pellucid.network import Network
from pellucid.recipe import Recipe, changed, find
from pellucid.systems.system import Outcome, Protocol, System
from pellucid.training import fit

QUICK_EPOCHS = 2
WORDS = "{recipe.architecture}, {recipe.epochs} epochs"


@dataclass(frozen=True, kw_only=True)
class Trained(Protocol):
    """A recipe, trained with the seed in place of its own."""

    recipe: Recipe

    def run(self, train: Dataset, test: Dataset, seed: int) -> Outcome:
        network = self.network(train, seed)
        seconds = self.fit(network, train, seed)
        return Outcome({"test": network.evaluate(test).accuracy}, seconds)

    def network(self, train: Dataset, seed: int) -> Network:
        """The network at its beginning."""
        return changed(self.recipe, seed=seed).make_network(train.input_shape, train.classes)

    def fit(self, network: Network, train: Dataset, seed: int, **circumstances: Any) -> float:
        """Train the network; the seconds that it took. The circumstances are more arguments for `pl.fit`."""
        recipe = self.recipe
        history = fit(
            network,
            train.subset(slice(recipe.limit)) if recipe.limit else train,
            **(recipe.fit_options() | {"seed": seed} | circumstances),
        )
        return sum(history.history["seconds"])

    def quickly(self) -> Trained:
        return replace(self, recipe=changed(self.recipe, epochs=min(QUICK_EPOCHS, self.recipe.epochs)))


def from_recipe(name: str) -> System:
    """The system that a recipe alone describes; its figure is the accuracy on the test images."""
    recipe = find(name)
    protocol = Trained(what=WORDS, recipe=recipe, figures={"test": recipe.published})
    return System(name, recipe.source, (protocol,))
