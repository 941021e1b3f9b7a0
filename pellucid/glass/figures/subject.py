"""What a figure is of: a model, its run, its data, and which part of it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pellucid.callbacks.weight_history import FILE, WeightHistory
from pellucid.committee import Committee
from pellucid.data.dataset import Dataset
from pellucid.errors import ModelFileError, UsageError
from pellucid.network import Network
from pellucid.recipe import Recipe

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Picture:
    """A figure.

    Args:
        figure: drawn.
        words: what it shows, in one sentence.
        numbers: what is drawn, of values that JSON can say.
    """

    figure: Figure
    words: str
    numbers: dict[str, Any]


@dataclass
class Subject:
    """A model, and what is known of its training.

    Args:
        model: the network or the committee.
        name: how the user called it.
        load: gives the training and the test images.
        folder: of its run; None for a model file.
        recipe: that it was trained by; None if that is not known.
        history: numbers of each epoch, None if they are not known.
        index, layer, unit, answer, limit: the options of the same names; None where they were not given.
        say: takes a line of progress.
    """

    model: Network | Committee
    name: str
    load: Callable[[], tuple[Dataset, Dataset]]
    folder: Path | None = None
    recipe: Recipe | None = None
    history: dict[str, list[float]] | None = None
    index: int | None = None
    layer: str | None = None
    unit: int | None = None
    answer: str | None = None
    limit: int | None = None
    say: Callable[[str], None] = field(default=lambda line: None)

    @property
    def network(self) -> Network:
        """The model as a single network.

        Raises:
            UsageError: it is a committee.
        """
        if isinstance(self.model, Committee):
            raise UsageError(
                f"{self.name} is a committee of {len(self.model)}, and this figure is of one network: say which, "
                "such as --member 1."
            )
        return self.model

    @cached_property
    def _parts(self) -> tuple[Dataset, Dataset]:
        train, test = self.load()
        limit = self.recipe.limit if self.recipe else 0
        return (train.subset(slice(limit)) if limit else train), test

    @property
    def given(self) -> Dataset:
        """The training images that the run was given, with those that it held out."""
        return self._parts[0]

    @property
    def train(self) -> Dataset:
        """The images that the model was trained on, as far as that is known."""
        recipe, given = self.recipe, self.given
        return given.split(recipe.validation, recipe.seed)[0] if recipe and recipe.validation else given

    @property
    def test(self) -> Dataset:
        """The test images, checked to be what the model reads."""
        test = self._parts[1]
        (self.model if isinstance(self.model, Network) else self.model.member(1)).check_examples(test, None)
        return test

    @property
    def image(self) -> tuple[NDArray[np.uint8], int, int]:
        """The test image that is asked for, by default the first, with its label and number.

        Raises:
            UsageError: there are not so many.
        """
        index, test = self.index or 0, self.test
        if index >= len(test):
            raise UsageError(
                f"The test images of {test.name} are numbered from 0 to {len(test) - 1:,}; {index:,} came."
            )
        return test.images[index], int(test.labels[index]), index

    @cached_property
    def way(self) -> WeightHistory:
        """The weights along the way of its training.

        Raises:
            ModelFileError: they are not known, or only at one moment.
        """
        network = self.network
        if self.folder is None or not (self.folder / FILE).exists():
            raise ModelFileError(
                f"This figure shows the way of a training, and {self.name} has no {FILE}: every run folder of "
                "`pellucid train` has one, unless its network is larger than 25 MB. Name such a folder, or train it "
                "anew."
            )
        way = WeightHistory.read(self.folder / FILE, network)
        if len(way) < 2:
            raise ModelFileError(f"{self.folder / FILE} knows the weights at one moment only; two at least are needed.")
        return way

    @property
    def since(self) -> str:
        """What the sentence of a figure adds where the way does not begin with the first step."""
        way = self.way
        return "" if way.begins else f" (what was before step {int(way.steps[0]):,} is not known)"

    @property
    def way_epochs(self) -> NDArray[np.float64]:
        """The moments of the way, in epochs."""
        return self.way.epochs
