"""The races: contenders take turns, so that what disturbs the machine disturbs all; medians are compared."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from pellucid.benchmark.contenders import LIBRARIES, Contender, Examples, contenders, module_of, predictors
from pellucid.benchmark.quiet import Machine
from pellucid.benchmark.work import Answering, Work
from pellucid.data import Dataset
from pellucid.data.normalization import normalization

EPOCHS = 2  # of each contender before it is the next one's turn
BUDGET = 30.0  # seconds of training for one contender in one race
HOPELESS = 2.0  # times as long as the fastest way of the same library: no more turns for this one
CALLS = 200  # predictions of one image that are timed together
PRODUCT = (512, 784, 512)  # of the matrices whose product shows a library's own speed
LEARNED = 0.015  # how far behind the best test accuracy a contender may be
SAME = 1e-3  # how far a probability may be from pellucid's, of the same weights

Say = Callable[[str], None]


@dataclass(frozen=True)
class Result:
    """What one contender needed.

    Args:
        library, style: who, and how.
        seconds: the median.
        all_seconds: of each epoch or call that counts.
        first: the first time, which compiles and warms up and is not in the others.
        ratio: seconds in units of pellucid's best.
        accuracies: on the test images, after each of its turns; none where nothing is learned.
        difference: of a probability from pellucid's, the largest; None where no answers are raced.
        share: of the machine's arithmetic peak.
        stopped: why it had fewer turns than others; empty if it had all.
    """

    library: str
    style: str
    seconds: float
    all_seconds: list[float]
    first: float
    ratio: float = 1.0
    accuracies: list[float] = field(default_factory=list)
    difference: float | None = None
    share: float | None = None
    stopped: str = ""

    @property
    def accuracy(self) -> float | None:
        """The last one."""
        return self.accuracies[-1] if self.accuracies else None


class Racer:
    """A contender with the times that it has taken so far."""

    def __init__(self, contender: Contender, rounds: int) -> None:
        self.contender, self.rounds = contender, rounds
        self.taken: list[float] = []
        self.accuracies: list[float] = []
        self.stopped = ""

    def turn(self) -> None:
        """Its epochs, and what it has learned by them."""
        for _ in range(EPOCHS):
            self.taken.append(seconds(self.contender.epoch, len(self.taken)))
        self.accuracies.append(self.contender.accuracy())

    def judge(self, best: float) -> None:
        """Whether it goes on, given the seconds of the fastest way of its library; the first turn always counts."""
        if len(self.accuracies) > self.rounds:
            return
        if self.taken[-1] > HOPELESS * best:
            self.stopped = "another way of the library is faster"
        elif sum(self.taken[-EPOCHS:]) + sum(self.taken) > BUDGET:
            self.stopped = f"the next turn would end after its {BUDGET:.0f} seconds"

    def result(self) -> Result:
        """The median of what counts: not the first turn, or if it had no other not the first epoch."""
        warming = EPOCHS if len(self.accuracies) > 1 else 1
        return Result(
            self.contender.library,
            self.contender.style,
            *summary(self.taken, warming),
            accuracies=self.accuracies,
            stopped=self.stopped and f"{len(self.accuracies)} of {self.rounds + 1} turns: {self.stopped}",
        )


def available(say: Say) -> list[str]:
    """The libraries that are installed."""
    there = []
    for library in LIBRARIES:
        try:
            module_of(library)
            there.append(library)
        except ImportError as error:
            say(f"{library} does not race: {error}")
    return there


def examples_of(train: Dataset, test: Dataset, normalize: str = "unit", limit: int = 0) -> Examples:
    """The data as every library likes them; at most `limit` to train on, and as large a share of the others."""
    if limit and limit < len(train):
        test = test.subset(slice(max(1, len(test) * limit // len(train))))
        train = train.subset(slice(limit))
    how = normalization(normalize, train.images)
    rows = [np.ascontiguousarray(how.columns(part.images, np.dtype(np.float32)).T) for part in (train, test)]
    return Examples(np.array(train.images), rows[0], train.labels, np.array(test.images), rows[1], test.labels)


def race_epochs(
    work: Work, libraries: Sequence[str], examples: Examples, rounds: int, machine: Machine, say: Say
) -> list[Result]:
    """Seconds an epoch of all contenders, and what they learned by it."""
    racers = [
        Racer(contender, rounds)
        for library in libraries
        for contender in contenders(library, work, examples, machine.threads)
    ]
    for number in range(rounds + 1):
        for racer in racers:
            if not racer.stopped:
                machine.rest()
                racer.turn()
        for racer in racers:
            if not racer.stopped:
                racer.judge(min(one.taken[-1] for one in racers if one.contender.library == racer.contender.library))
        say(f"{work.name}: round {number} of {rounds}" + ("" if number else ", to warm up"))
    return with_shares(with_ratios([racer.result() for racer in racers]), work.arithmetic * len(examples.rows), machine)


def race_answers(
    answering: Answering, libraries: Sequence[str], examples: Examples, rounds: int, machine: Machine, say: Say
) -> list[Result]:
    """Seconds until the probabilities of so many images are there, from the same weights."""
    work, images = answering.work, min(answering.images, len(examples.test_rows))
    racers = [racer for library in libraries for racer in predictors(library, work, examples, images)]
    expected, calls = np.asarray(racers[0].predict()), max(1, CALLS // images)
    differences = [float(abs(np.asarray(racer.predict()) - expected).max()) for racer in racers]
    times: list[list[float]] = [[] for _ in racers]
    for _ in range(2 * rounds + 1):
        for racer, taken in zip(racers, times, strict=True):
            machine.rest()
            taken.append(seconds(_repeat, racer.predict, calls) / calls)
    say(f"{answering.name}: done")
    results = [
        Result(racer.library, racer.style, *summary(taken, 1), difference=difference)
        for racer, taken, difference in zip(racers, times, differences, strict=True)
    ]
    return with_shares(with_ratios(results), work.forward_arithmetic * images, machine)


def product_rates(libraries: Sequence[str], rounds: int, machine: Machine) -> dict[str, float]:
    """Multiplications and additions a second of each library's own matrix product."""
    rng = np.random.default_rng(0)
    m, k, n = PRODUCT
    a, b = rng.random((m, k), np.float32), rng.random((k, n), np.float32)
    products: dict[str, Callable[[], Any]] = {"NumPy": lambda: a @ b}
    for library in libraries:
        if hasattr(module_of(library), "product_rate"):
            products[library] = module_of(library).product_rate(a, b)
    times: dict[str, list[float]] = {name: [] for name in products}
    for _ in range(rounds):
        for name, product in products.items():
            machine.rest()
            times[name] += [seconds(product) for _ in range(20)]
    return {name: 2 * m * k * n / statistics.median(taken) for name, taken in times.items()}


def with_ratios(results: Sequence[Result]) -> list[Result]:
    """The results in units of pellucid's best, the fastest of each library first."""
    ours = min(result.seconds for result in results if result.library == "pellucid")
    order = {library: place for place, library in enumerate(LIBRARIES)}
    ranked = sorted(results, key=lambda result: (order[result.library], result.seconds))
    return [replace(result, ratio=result.seconds / ours) for result in ranked]


def with_shares(results: Sequence[Result], arithmetic: int, machine: Machine) -> list[Result]:
    """The results with their shares of the machine's peak, where that was measured."""
    if not machine.peak:
        return list(results)
    return [replace(result, share=arithmetic / result.seconds / machine.peak) for result in results]


def failures(results: Sequence[Result]) -> Iterator[str]:
    """Who won by not learning, or by answering something else.

    After each turn everybody is compared with the others after as many, for some have fewer.
    """
    for result in results:
        name, turns = f"{result.library}, {result.style}", len(result.accuracies)
        if turns:
            best = max(other.accuracies[min(turns, len(other.accuracies)) - 1] for other in results)
            if result.accuracies[-1] < best - LEARNED:
                yield f"{name} has learned {result.accuracies[-1]:.1%} where another has {best:.1%}"
        if result.difference is not None and not result.difference <= SAME:
            yield f"{name} answers otherwise: a probability differs by {result.difference:.2g}"


def _repeat(work: Callable[[], Any], calls: int) -> None:
    for _ in range(calls):
        work()


def seconds(work: Callable[..., Any], *arguments: Any) -> float:
    """How long a call takes."""
    began = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - began


def duration(seconds: float) -> str:
    """In a unit that fits."""
    return f"{seconds * 1e6:.0f} µs" if seconds < 0.001 else f"{seconds:.3f} s" if seconds < 1 else f"{seconds:.1f} s"


def summary(taken: list[float], warming: int) -> tuple[float, list[float], float]:
    """The median without the first ones, which compile and warm up; those behind it; and the very first."""
    counted = taken[warming:]
    return statistics.median(counted), counted, taken[0]
