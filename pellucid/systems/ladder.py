"""The ladder of accuracy: recipes of papers and records, from the linear classifier to committees of deep networks.

Each rung is a recipe with a figure that was published, the mean accuracy over seeds that pellucid is to reach, and
the seconds that one training may take on two cores. A rung may have a second row, the committee of its
networks. Everything in a recipe was chosen on training images that were held out; the test images are read once, after
the last epoch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from shutil import rmtree
from typing import NamedTuple

from pellucid.callbacks import Callback
from pellucid.committee import Committee
from pellucid.data.dataset import Dataset
from pellucid.figures import PublishedFigure
from pellucid.files.model import read_model
from pellucid.loading import load
from pellucid.network import Network
from pellucid.recipe import Recipe, changed, find
from pellucid.run import Run, resolved
from pellucid.run_folder import is_run
from pellucid.setup import Setup
from pellucid.systems.system import MANY, Outcome, Parts, Protocol, System
from pellucid.systems.trained import QUICK_EPOCHS, Trained

MINUTE = 60.0
WIDEST = 44  # characters of an architecture in the table of a terminal


class Rung(NamedTuple):
    """A recipe of the ladder.

    Args:
        recipe: its name.
        goal: the test error to reach in the mean, in percent; None: that which was published.
        time_limit: seconds of one training; 0 where there is none.
        seeds: ten or more where a training takes under ten seconds; one of fewer counts as long: it can be gone on
            with, and leaves its model.
        committee: what was published of a committee, and the test error that as many networks as there are seeds are to
            reach together; None: they make no committee.
    """

    recipe: str
    goal: float | None = None
    time_limit: float = 0.0
    seeds: int = 5
    committee: tuple[str, float] | None = None


RUNGS = (
    Rung("linear", seeds=10),
    Rung("lecun-300", seeds=10),
    Rung("lecun-300-100", seeds=10),
    Rung("nielsen-30", seeds=10),
    Rung("nielsen-100", seeds=10),
    Rung("simard-800", 1.5, seeds=5),
    Rung("srivastava-1024", 1.05, 10 * MINUTE, seeds=5),
    Rung("rasmus-noise", 0.8, 15 * MINUTE, seeds=5),
    Rung("simard-800-distorted", 0.65, 10 * MINUTE, seeds=5),
    Rung("ciresan-1500", 0.45, 30 * MINUTE, seeds=3),
    Rung("lenet5", 0.85, 5 * MINUTE, seeds=10),
    Rung("lenet5-distorted", 0.6, 5 * MINUTE, seeds=5),
    Rung("train-mnist-fast", 1.0, seeds=10),
    Rung("speedrun", 1.0, 0.8, seeds=30),
    Rung("sprint", 0.5, 15, seeds=10),
    Rung("small", 0.5, 10 * MINUTE, seeds=5),
    Rung("cnn", 0.28, 30 * MINUTE, seeds=5, committee=("0.18% error", 0.2)),
)


@dataclass(frozen=True, kw_only=True)
class Climb(Trained):
    """A rung: the recipe as it is. Trainings of minutes can be gone on with, and leave their models in models/."""

    def run(self, train: Dataset, test: Dataset, seed: int) -> Outcome:
        network = self.network(train, seed)
        seconds = self.fit(network, train, seed)
        return _outcome(network, test, seconds)

    def go_on(self, train: Dataset, test: Dataset, seed: int, folder: Path, watch: Sequence[Callback]) -> Outcome:
        if self.seeds >= MANY:
            return self.run(train, test, seed)
        return self.trained(train, test, seed, folder, watch)[1]

    def trained(
        self, train: Dataset, test: Dataset, seed: int, folder: Path, watch: Sequence[Callback]
    ) -> tuple[Network, Outcome]:
        """The network of a seed and what it came to: as models/ has it, or trained now."""
        path, mark = model(folder, self.recipe, seed), {"digest": self.digest((train, test))}
        if (stored := _stored(path, mark)) is not None:
            return stored
        recipe = changed(self.recipe, seed=seed)
        work = folder / "work" / f"{recipe.name}-{mark['digest']}-{seed}"
        network = self.network(train, seed)
        with _run(work, resolved(recipe, network), train) as run:
            resume = run.snapshot() if run.begun else None
            seconds = self.fit(network, train, seed, callbacks=[*watch, run], resume=resume)
            outcome = _outcome(network, test, seconds)
            network.save(path, mark | {"recipe": asdict(recipe), "result": asdict(outcome)})
        rmtree(work)
        return network, outcome

    def quickly(self) -> Climb:
        return self if self.seeds >= MANY else replace(self, recipe=changed(self.recipe, epochs=QUICK_EPOCHS))


@dataclass(frozen=True, kw_only=True)
class SeedCommittee(Protocol):
    """The committee of a rung's networks. Those that models/ lacks are trained."""

    climb: Climb
    members: int

    def seeds_taken(self, asked: int | None) -> int:
        return 1

    def go_on(self, train: Dataset, test: Dataset, seed: int, folder: Path, watch: Sequence[Callback]) -> Outcome:
        committee, seconds = self.together(train, test, folder, watch)
        outcome = _outcome(committee, test, seconds)
        recipe = self.climb.recipe
        made = {"digest": self.digest((train, test)), "recipe": asdict(recipe), "result": asdict(outcome)}
        committee.save(model(folder, recipe, "committee"), made)
        return outcome

    def together(
        self, train: Dataset, test: Dataset, folder: Path, watch: Sequence[Callback]
    ) -> tuple[Committee, float]:
        """The committee, and the seconds that all its members took."""
        members = [self.climb.trained(train, test, number, folder, watch) for number in range(self.members)]
        return Committee.of([network for network, _ in members]), sum(outcome.train_seconds for _, outcome in members)

    def quickly(self) -> SeedCommittee:
        return replace(self, climb=self.climb.quickly())

    def digest(self, parts: Parts) -> str:
        return self.climb.digest(parts) + f"-{self.members}"


def model(folder: Path, recipe: Recipe, which: int | str) -> Path:
    """Where a rung leaves the model of a seed, or its committee."""
    return folder / "models" / f"{recipe.name}-{which}.safetensors"


def _stored(path: Path, mark: dict[str, str]) -> tuple[Network, Outcome] | None:
    """The network in this file and what it came to, if it is of this mark."""
    if not path.exists():
        return None
    network, made = load(path), read_model(path)[1].get("made", {})
    if not isinstance(network, Network) or not mark.items() <= made.items():
        return None
    return network, Outcome(**made["result"])


def _run(folder: Path, recipe: Recipe, train: Dataset) -> Run:
    """The run in this folder, to go on with, or a new one."""
    if is_run(folder):
        return Run.resume(folder)
    return Run.new(folder, recipe, Setup(train.source, "native", None, None, train.description, train.sha256()))


def _outcome(network: Network | Committee, test: Dataset, seconds: float) -> Outcome:
    evaluation = network.evaluate(test)
    mistakes = len(test) - round(evaluation.accuracy * len(test))
    notes = {"mistakes": mistakes, "test_loss": evaluation.loss, "parameters": network.theta.size}
    return Outcome({"test": evaluation.accuracy}, seconds, notes)


def systems() -> Iterator[System]:
    """The rungs, from the lowest."""
    for rung in RUNGS:
        recipe = find(rung.recipe)
        goal = PublishedFigure.of(recipe.published).most if rung.goal is None else 1 - rung.goal / 100
        protocol = Climb(
            what=f"{_words(recipe.architecture)}, " + ("{recipe.epochs} epochs" if recipe.epochs > 1 else "one epoch"),
            recipe=recipe,
            figures={"test": recipe.published},
            seeds=rung.seeds,
            goal=goal,
            time_limit=rung.time_limit,
        )
        yield System(recipe.name, recipe.source, (protocol, *_committee(rung, protocol)))


def _committee(rung: Rung, climb: Climb) -> Iterator[SeedCommittee]:
    """The committee of a rung's networks, if it is to have one."""
    if rung.committee:
        published, goal = rung.committee
        yield SeedCommittee(
            what=f"committee of {rung.seeds} of these",
            variant="committee",
            climb=climb,
            members=rung.seeds,
            figures={"test": published},
            seeds=1,
            goal=1 - goal / 100,
            time_limit=rung.seeds * rung.time_limit,
        )


def _words(architecture: str) -> str:
    """An architecture, cut where the table would become too wide."""
    if len(architecture) <= WIDEST:
        return architecture
    return architecture[:WIDEST].rpartition("-")[0] + "-…"
