"""How the time of an epoch grows: with the examples, the width, the depth, the batch, the kernel and the threads."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
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
        points: what is trained at each number along the axis.
    """

    name: str
    what: str
    points: Mapping[int, Work]


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


def _works(template: str, numbers: Sequence[int], batch_size: int = 128, examples: int = EXAMPLES) -> dict[int, Work]:
    return {n: Work(template.format(n=n, half=n // 2), "sgd", batch_size, examples=examples) for n in numbers}


AXES = (
    Axis(
        "examples", f"{P03}, batch 32", {n: Work(P03, "sgd", 32, examples=n) for n in (7_500, 15_000, 30_000, 60_000)}
    ),
    Axis("width", "784-width-10, batch 128", _works("784-{n}-10", (64, 128, 256, 512, 1024))),
    Axis(
        "depth",
        "layers of 128 and one of 10, batch 128",
        {n: Work("784-" + n * "128-" + "10", "sgd", 128, examples=EXAMPLES) for n in (1, 2, 4, 8)},
    ),
    Axis("batch size", P03, {n: Work(P03, "sgd", n, examples=EXAMPLES) for n in (8, 16, 32, 64, 128, 256, 512)}),
    Axis(
        "side of the kernel",
        "8 maps of 28×28, batch 128",
        _works("1x28x28-8C{n}p{half}-MP4-10", (1, 3, 5, 7, 9), examples=3_000),
    ),
)
WIDE = Work("784-800-10", "sgd", 128, examples=EXAMPLES)


def measure(
    train: Dataset, test: Dataset, libraries: Sequence[str], rounds: int, machine: Machine, say: Say
) -> list[Growth]:
    """All axes, and the threads from 1 up to those of the machine."""
    rivals = [library for library in RIVALS if library in libraries]
    threads = [2**n for n in range(machine.threads.bit_length())]
    grown = []
    for axis in AXES:
        works = axis.points.values()
        medians = [_medians(work, machine.threads, train, test, rivals, rounds, machine) for work in works]
        grown.append(Growth(axis.name, axis.what, list(axis.points), _by_racer(medians)))
        say(f"growth with the {axis.name}: done")
    medians = [_medians(WIDE, count, train, test, rivals, rounds, machine) for count in threads]
    return [*grown, Growth("threads", WIDE.name, threads, _by_racer(medians))]


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
            f"seconds an epoch: {growth.what}",
            growth.seconds,
            growth.name,
            marks={place: f"{number:,}" for place, number in enumerate(growth.numbers, 1)},
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
