"""The races: contenders take turns, so that what disturbs the machine disturbs all; medians are compared."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.benchmark.contenders import LIBRARIES, Contender, Examples, Predictor, contenders, module_of, predictors
from pellucid.benchmark.quiet import Machine
from pellucid.benchmark.work import Work
from pellucid.data import Dataset
from pellucid.data.normalization import normalization

EPOCHS = 2  # of each contender before it is the next one's turn
CALLS = 200  # predictions that are timed together
PRODUCT = (512, 784, 512)  # of the matrices whose product shows a library's own speed
LEARNED = 0.015  # how far behind the best test accuracy a contender may be

Say = Callable[[str], None]


@dataclass(frozen=True)
class Result:
    """What one contender needed.

    Args:
        library, style: who, and how.
        seconds: the median.
        all_seconds: of each round.
        first: the first time, which compiles and warms up and is not in the others.
        ratio: seconds in units of pellucid's best.
        accuracy: on the test images after all rounds; None where nothing is learned.
        share: of the machine's arithmetic peak.
    """

    library: str
    style: str
    seconds: float
    all_seconds: list[float]
    first: float
    ratio: float = 1.0
    accuracy: float | None = None
    share: float | None = None


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


def examples_of(train: Dataset, test: Dataset, normalize: str) -> Examples:
    """The data as every library likes them."""
    how = normalization(normalize, train.images)
    rows = [np.ascontiguousarray(how.columns(part.images, np.dtype(np.float32)).T) for part in (train, test)]
    return Examples(np.array(train.images), rows[0], train.labels, np.array(test.images), rows[1], test.labels)


def race_epochs(
    work: Work, libraries: Sequence[str], examples: Examples, rounds: int, machine: Machine, say: Say
) -> list[Result]:
    """Seconds an epoch of all contenders, and what they learned by it."""
    racers: list[Contender] = []
    for library in libraries:
        racers += contenders(library, work, examples, machine.threads)
    times: dict[int, list[float]] = {index: [] for index in range(len(racers))}
    for number in range(rounds + 1):
        for index, racer in enumerate(racers):
            machine.rest()
            for epoch in range(EPOCHS):
                times[index].append(seconds(racer.epoch, number * EPOCHS + epoch))
        say(f"{work.name}: round {number} of {rounds}" + ("" if number else ", to warm up"))
    results = [
        Result(racer.library, racer.style, *summary(taken, EPOCHS), accuracy=racer.accuracy())
        for racer, taken in zip(racers, times.values(), strict=True)
    ]
    return with_ratios(results)


def race_predictions(
    work: Work, libraries: Sequence[str], examples: Examples, rounds: int, machine: Machine, say: Say
) -> list[Result]:
    """Seconds a prediction of one image."""
    racers: list[Predictor] = []
    for library in libraries:
        racers += predictors(library, work, examples)
    times: dict[int, list[float]] = {index: [] for index in range(len(racers))}
    for _ in range(2 * rounds + 1):
        for index, racer in enumerate(racers):
            machine.rest()
            times[index].append(seconds(_repeat, racer.predict) / CALLS)
    say("one image: done")
    return with_ratios(
        [
            Result(racer.library, racer.style, *summary(taken, 1))
            for racer, taken in zip(racers, times.values(), strict=True)
        ]
    )


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
    return [Result(**{**vars(result), "ratio": result.seconds / ours}) for result in ranked]


def all_learned(results: Sequence[Result]) -> bool:
    """Whether nobody won by learning nothing."""
    accuracies = [result.accuracy for result in results if result.accuracy is not None]
    return not accuracies or min(accuracies) >= max(accuracies) - LEARNED


def _repeat(work: Callable[[], Any]) -> None:
    for _ in range(CALLS):
        work()


def seconds(work: Callable[..., Any], *arguments: Any) -> float:
    """How long a call takes."""
    began = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - began


def summary(taken: list[float], warming: int) -> tuple[float, list[float], float]:
    """The median without the first ones, which compile and warm up; those behind it; and the very first."""
    counted = taken[warming:]
    return statistics.median(counted), counted, taken[0]
