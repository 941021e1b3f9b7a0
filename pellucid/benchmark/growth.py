"""How the time of an epoch grows: with the examples, the width, the depth, the batch, the kernel and the threads."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pellucid.benchmark.contenders import Contender, contenders
from pellucid.benchmark.quiet import Machine
from pellucid.benchmark.race import Say, duration, examples_of, seconds
from pellucid.benchmark.work import P03, Work
from pellucid.data import Dataset
from pellucid.glass.chart import Panel, draw

RIVALS = ("pellucid", "PyTorch")
EXAMPLES = 12_000
COLUMNS = 3  # of the picture


@dataclass(frozen=True)
class Axis:
    """What changes, everything else being the same.

    Args:
        name: of what changes.
        what: the training, in words.
        numbers: along the axis.
        work: what is trained at a number.
    """

    name: str
    what: str
    numbers: tuple[int, ...]
    work: Callable[[int], Work]


@dataclass(frozen=True)
class Growth:
    """What an axis came to.

    Args:
        name, what: of the axis.
        numbers: along it.
        seconds: of an epoch at each number, by library.
    """

    name: str
    what: str
    numbers: list[int]
    seconds: dict[str, list[float]]


def _work(architecture: str, batch_size: int = 128) -> Work:
    return Work(architecture, "sgd", batch_size, examples=EXAMPLES)


AXES = (
    Axis("examples", f"{P03}, batch 32", (7_500, 15_000, 30_000, 60_000), lambda n: Work(P03, "sgd", 32, examples=n)),
    Axis("width", "784-width-10", (64, 128, 256, 512, 1024), lambda n: _work(f"784-{n}-10")),
    Axis("depth", "784-128-...-128-10", (1, 2, 4, 8), lambda n: _work("784-" + n * "128-" + "10")),
    Axis("batch size", P03, (8, 16, 32, 64, 128, 256, 512), lambda n: _work(P03, n)),
    Axis(
        "side of the kernel", "8 maps of 28 by 28", (1, 3, 5, 7, 9), lambda n: _work(f"1x28x28-8C{n}p{n // 2}-MP4-10")
    ),
)
WIDE = _work("784-800-10")


def measure(
    train: Dataset, test: Dataset, libraries: Sequence[str], rounds: int, machine: Machine, say: Say
) -> list[Growth]:
    """All axes, and the threads from 1 up to those of the machine."""
    rivals = [library for library in RIVALS if library in libraries]
    threads = [2**n for n in range(machine.threads.bit_length())]
    grown = []
    for axis in AXES:
        works = map(axis.work, axis.numbers)
        medians = [_medians(work, machine.threads, train, test, rivals, rounds, machine) for work in works]
        grown.append(Growth(axis.name, axis.what, list(axis.numbers), _by_racer(medians)))
        say(f"growth with the {axis.name}: done")
    medians = [_medians(WIDE, count, train, test, rivals, rounds, machine) for count in threads]
    return [*grown, Growth("threads", WIDE.title, threads, _by_racer(medians))]


def _by_racer(medians: Sequence[Mapping[str, float]]) -> dict[str, list[float]]:
    return {name: [point[name] for point in medians] for name in medians[0]}


def _medians(
    work: Work, threads: int, train: Dataset, test: Dataset, libraries: Sequence[str], rounds: int, machine: Machine
) -> dict[str, float]:
    """Seconds of an epoch by library, one way of each, in turns; the first turn does not count."""
    import threadpoolctl

    examples = examples_of(train, test, limit=work.examples)
    with threadpoolctl.threadpool_limits(threads):
        racers = {library: _chosen(contenders(library, work, examples, threads)) for library in libraries}
        times: dict[str, list[float]] = {library: [] for library in libraries}
        for number in range(rounds + 1):
            for library, racer in racers.items():
                machine.rest()
                times[library].append(seconds(racer.epoch, number))
    return {library: statistics.median(taken[1:]) for library, taken in times.items()}


def _chosen(ways: Sequence[Contender]) -> Contender:
    """The first, which for pellucid is the engine that it takes by itself; of PyTorch's its best without compiling."""
    liked = [way for way in ways if way.style in ("eager, fused optimizer", "eager, channels last")]
    return (liked or ways)[0]


def picture(grown: Sequence[Growth], caption: str) -> bytes:
    """Seconds of an epoch over each axis, a panel for each, as the bytes of a PNG."""
    panels = [
        Panel(
            f"seconds an epoch of {growth.what}",
            growth.seconds,
            growth.name,
            marks={place: f"{number:,}" for place, number in enumerate(growth.numbers, 1)},
            from_zero=True,
        )
        for growth in grown
    ]
    return draw(panels, caption, width=560, columns=COLUMNS)


def words(grown: Sequence[Growth]) -> Iterator[str]:
    """What the picture shows, a sentence for each axis."""
    for growth in grown:
        first, last = growth.numbers[0], growth.numbers[-1]
        parts = [
            f"{name}'s epoch goes from {duration(taken[0])} to {duration(taken[-1])} ({taken[-1] / taken[0]:.2f} times)"
            for name, taken in growth.seconds.items()
        ]
        yield f"{growth.name}, {first:,} to {last:,} ({growth.what}): {'; '.join(parts)}."
