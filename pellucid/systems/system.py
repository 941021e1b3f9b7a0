"""A system that somebody published: how it is trained, and what that comes to."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.data.dataset import Dataset
from pellucid.network import Network
from pellucid.randomness import generator

Parts = tuple[Dataset, Dataset]  # to train on, to test on
DESCRIPTION = ("what", "variant", "figures", "seeds")  # fields of a protocol that change no result


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
    """

    what: str
    variant: str = ""
    figures: Mapping[str, str] = field(default_factory=lambda: {"test": ""})
    seeds: int = 20

    @property
    def words(self) -> str:
        """It in a line, with its settings."""
        return self.what.format(**vars(self))

    def data(self, parts: Parts, folder: Path) -> Parts:
        """The data that it is about, made from those that were loaded; files go to `folder`."""
        return parts

    def run(self, train: Dataset, test: Dataset, seed: int) -> Outcome:
        """Train from this seed, and measure. Accuracies are those after the last step, never the best of several."""
        raise NotImplementedError

    def quickly(self) -> Protocol:
        """It with a smaller budget, to see that it works."""
        return self

    def digest(self, parts: Parts) -> str:
        """What tells its outcomes from those of other settings or other data."""
        settings = {name: value for name, value in asdict(self).items() if name not in DESCRIPTION}
        told = json.dumps([type(self).__name__, settings, *(part.sha256() for part in parts)], sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()[:16]


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

    def quickly(self) -> System:
        """It with smaller budgets."""
        return replace(self, protocols=tuple(protocol.quickly() for protocol in self.protocols))


def draw_uniformly(network: Network, bound: float, seed: int) -> None:
    """Draw weights and biases alike from U(−bound, bound); an initializer draws the weights alone."""
    network.theta = generator(seed, "initialize").uniform(-bound, bound, network.theta.size)


def mean_of(outcomes: Sequence[Outcome], note: str) -> Any:
    """The mean of a note over the seeds; of a list of numbers, for each place in it."""
    return np.mean([outcome.notes[note] for outcome in outcomes], axis=0)
