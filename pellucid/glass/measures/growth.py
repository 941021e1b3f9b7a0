"""The learning curve: how accuracy grows with the number of training examples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.data.dataset import Dataset
from pellucid.errors import UsageError
from pellucid.randomness import generator
from pellucid.recipe import Recipe
from pellucid.training import fit

SIZES = 6  # each twice the one before, so that all together take twice as long as the last
FEWEST = 8  # examples


@dataclass(frozen=True)
class Row:
    """A network trained on so many examples.

    Args:
        examples: how many.
        training: accuracy on them.
        test: accuracy on the test images.
    """

    examples: int
    training: float
    test: float


def grow(recipe: Recipe, train: Dataset, test: Dataset, say: Callable[[str], None]) -> list[Row]:
    """Train the recipe on subsets of the training examples, each within the next, and test each network.

    What the recipe holds out is held out of all of them first, so that no network is trained on it, and the last one is
    that of the recipe. The epochs stay as they are, so that with fewer examples there are fewer steps. `say` is told of
    each size.

    Raises:
        UsageError: there are too few examples to begin with.
    """
    held_out: dict[str, Any] = {}
    if recipe.validation:
        train, held_out["validation"] = train.split(recipe.validation, recipe.seed)
    if len(train) < 2 * FEWEST:
        raise UsageError(f"A learning curve needs at least {2 * FEWEST} training images; there are {len(train)}.")
    order = generator(recipe.seed, "split", 1).permutation(len(train))
    sizes = [len(train) >> halvings for halvings in reversed(range(SIZES)) if len(train) >> halvings >= FEWEST]
    rows = []
    for size in sizes:
        say(f"training on {size:,} of {len(train):,} images, {recipe.epochs} epochs")
        subset = train.subset(np.sort(order[:size]))
        network = recipe.make_network(train.input_shape, train.classes)
        fit(network, subset, **recipe.fit_options() | held_out, diagnosis=False)
        rows.append(Row(size, network.evaluate(subset).accuracy, network.evaluate(test).accuracy))
    return rows
