"""A system that somebody published: how it is trained, and what that comes to."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.callbacks import Callback
from pellucid.data.dataset import Dataset
from pellucid.network import Network
from pellucid.randomness import generator
from pellucid.recipe import Recipe

MANY = 10  # seeds of a rung of the ladder that takes under ten seconds
Parts = tuple[Dataset, Dataset]  # to train on, to test on
DESCRIPTION = ("what", "variant", "figures", "seeds", "goal", "time_limit")  # fields of a protocol, and entries of
RECIPE_DESCRIPTION = ("name", "source", "published", "seed")  # its recipe, that change no result


@dataclass(frozen=True)
class Outcome:
    """What one seed came to.

    Args:
        accuracies: for each of the protocol's figures.
        train_seconds: of training alone.
        notes: what the system's report tells of, in values that JSON can say.
    """

    accuracies: dict[str, float]
    train_seconds: float
    notes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """A way to train and measure, once for each seed. The fields of a subclass are its settings.

    Args:
        what: it in a line; {epochs} and the like stand for the settings.
        variant: its name among the system's protocols; the first has none.
        figures: what is measured -> what was published of it, "" where nothing was.
        seeds: how many are taken if nobody says; 20 where a run takes under 10 s.
        goal: the mean accuracy that is to be reached, as a share of 1; 0 where none is set.
        time_limit: seconds that a training may take on two cores; 0 where none is set.
    """

    what: str
    variant: str = ""
    figures: Mapping[str, str] = field(default_factory=lambda: {"test": ""})
    seeds: int = 20
    goal: float = 0.0
    time_limit: float = 0.0

    @property
    def words(self) -> str:
        """It in a line, with its settings."""
        return self.what.format(**vars(self))

    def seeds_taken(self, asked: int | None) -> int:
        """How many seeds are taken where so many are asked for; None: nobody says."""
        return asked or self.seeds

    def data(self, parts: Parts, folder: Path) -> Parts:
        """The data that it is about, made from those that were loaded; files go to `folder`."""
        return parts

    def run(self, train: Dataset, test: Dataset, seed: int) -> Outcome:
        """Train from this seed, and measure. Accuracies are those after the last step, never the best of several."""
        raise NotImplementedError

    def go_on(self, train: Dataset, test: Dataset, seed: int, folder: Path, watch: Sequence[Callback]) -> Outcome:
        """The same, for one that takes minutes: what a stopped training left in the folder is gone on with.

        Args:
            train: the examples to train on.
            test: those to measure on.
            seed: of the training.
            folder: of the reproduction.
            watch: callbacks that show how the training goes.
        """
        return self.run(train, test, seed)

    def quickly(self) -> Protocol:
        """It with a smaller budget, to see that it works."""
        return self

    def digest(self, parts: Parts) -> str:
        """What tells its outcomes from those of other settings or other data.

        Of a recipe only what differs from the defaults: an entry that pellucid learns later changes no digest.
        """
        settings = {
            field.name: _told(getattr(self, field.name)) for field in fields(self) if field.name not in DESCRIPTION
        }
        told = json.dumps([type(self).__name__, settings, *(part.sha256() for part in parts)], sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()[:16]


def _told(setting: Any) -> Any:
    """A setting of a protocol as JSON says it."""
    if not isinstance(setting, Recipe):
        return setting
    entries = {entry.name: (getattr(setting, entry.name), entry.default) for entry in fields(setting)}
    return {
        name: value for name, (value, default) in entries.items() if value != default and name not in RECIPE_DESCRIPTION
    }


@dataclass(frozen=True)
class Report:
    """What there is to say and to show of a system beside its accuracies."""

    lines: list[str]
    pictures: dict[str, bytes] = field(default_factory=dict)  # name of the file -> PNG


Results = Mapping[str, Sequence[Outcome]]  # variant -> outcomes, in the order of their seeds


def silent(results: Results, parts: Parts) -> Report:
    """The report of a system whose accuracies say all."""
    return Report([])


@dataclass(frozen=True)
class System:
    """Something that somebody built and wrote about.

    Args:
        name: as `pellucid reproduce` calls it.
        source: whose it is.
        protocols: how it is trained; each has a row, or more, in the table.
        report: what else there is to say, made of the outcomes and the data that were loaded.
    """

    name: str
    source: str
    protocols: tuple[Protocol, ...]
    report: Callable[[Results, Parts], Report] = silent

    @property
    def short(self) -> bool:
        """Whether a training takes seconds: only then so many seeds are asked for, or no goal is set."""
        return all(protocol.seeds >= MANY or not protocol.goal for protocol in self.protocols)

    def quickly(self) -> System:
        """It with smaller budgets."""
        return replace(self, protocols=tuple(protocol.quickly() for protocol in self.protocols))


def draw_uniformly(network: Network, bound: float, seed: int) -> None:
    """Draw weights and biases alike from U(−bound, bound); an initializer draws the weights alone."""
    network.theta = generator(seed, "initialize").uniform(-bound, bound, network.theta.size)


def mean_of(outcomes: Sequence[Outcome], note: str) -> Any:
    """The mean of a note over the seeds; of a list of numbers, for each place in it."""
    return np.mean([outcome.notes[note] for outcome in outcomes], axis=0)
