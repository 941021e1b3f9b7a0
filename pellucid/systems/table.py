"""The table of all systems: published beside measured, as rows, as lines for a terminal and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from pellucid.figures import DEVIATIONS, PublishedFigure
from pellucid.names import plain
from pellucid.systems.system import Outcome, Protocol, System

NOTHING = "nothing published"
ROUNDING = 1e-9


@dataclass(frozen=True)
class Row:
    """One figure of one protocol.

    Args:
        name: of the system, and of the protocol behind a slash where it is not the system's first.
        what: the protocol in a line.
        measured_on: what the accuracy is of.
        published: the figure that was published, the smaller of two, as a share of 1; None where nothing was.
        published_text: as its author wrote it.
        accuracy_mean, accuracy_std: over the seeds; the deviation is that of a sample, 0 for a single seed.
        seeds: so many.
        train_seconds: mean of one training.
        reproduced: whether the published figure is, or None if that cannot be said.
        goal: the mean accuracy that was to be reached; None where none was set.
        time_limit: seconds that a training may take; None where none was set.
        reached: whether goal and limit are kept; None where there is no goal, or seeds are missing.
        verdict: both in words.
        source: whose system it is.
    """

    name: str
    what: str
    measured_on: str
    published: float | None
    published_text: str
    accuracy_mean: float
    accuracy_std: float
    seeds: int
    train_seconds: float
    reproduced: bool | None
    goal: float | None
    time_limit: float | None
    reached: bool | None
    verdict: str
    source: str

    @property
    def measured(self) -> str:
        """Mean and deviation in words."""
        return f"{self.accuracy_mean:.2%} ± {100 * self.accuracy_std:.2f}"


def name_of(system: System, protocol: Protocol) -> str:
    """What the protocol is called: as its system, with the variant behind a slash where it is not the first."""
    return f"{system.name}/{protocol.variant}" if protocol.variant else system.name


def rows_of(system: System, protocol: Protocol, outcomes: Sequence[Outcome]) -> Iterator[Row]:
    """A row for each figure of the protocol."""
    for figure, text in protocol.figures.items():
        accuracies = [outcome.accuracies[figure] for outcome in outcomes]
        mean, count = float(np.mean(accuracies)), len(accuracies)
        deviation = float(np.std(accuracies, ddof=1)) if count > 1 else 0.0
        seconds = float(np.mean([outcome.train_seconds for outcome in outcomes]))
        published = PublishedFigure.of(text) if text else None
        reproduced, verdict = published.verdict(mean, deviation, count) if published else (None, NOTHING)
        reached = None
        if protocol.goal:
            reached, verdict = _goal_verdict(protocol, mean, seconds, count)
        yield Row(
            name=name_of(system, protocol),
            what=protocol.words,
            measured_on=figure,
            published=published.least if published else None,
            published_text=text,
            accuracy_mean=mean,
            accuracy_std=deviation,
            seeds=count,
            train_seconds=seconds,
            reproduced=reproduced,
            goal=protocol.goal or None,
            time_limit=protocol.time_limit or None,
            reached=reached,
            verdict=verdict,
            source=system.source,
        )


def _goal_verdict(protocol: Protocol, mean: float, seconds: float, count: int) -> tuple[bool | None, str]:
    """Whether a protocol's goal is reached within its time, and in words by how much it is not."""
    short, late = protocol.goal - mean, seconds - protocol.time_limit if protocol.time_limit else 0.0
    words = [f"short by {100 * short:.3f} points"] * (short > ROUNDING) + [f"{late:.2g} s too slow"] * (late > 0)
    verdict = ", ".join(words) or "reached"
    if count < protocol.seeds:
        return None, f"{verdict} so far: {count} of {protocol.seeds} seeds"
    return not words, verdict


HEAD = ("what is trained", "accuracy on", "published", "measured", "seeds", "seconds", "verdict")
LADDER_HEAD = ("what is trained", "published", "to reach", "measured", "seeds", "seconds", "limit", "verdict")
TO_THE_RIGHT = ("seeds", "seconds", "limit")
LEGEND = (
    "measured: mean ± standard deviation over the seeds, after the last step. seconds: of one training.\n"
    f"reproduced: the published figure lies within {DEVIATIONS} standard deviations of the mean; beaten: it lies below."
    "\nreached: the mean that was set as a goal, on the test images, in no more seconds than the limit."
)


def lines(rows: Sequence[Row]) -> Iterator[str]:
    """The table for a terminal, 120 columns wide: a heading for each system, a line for each row."""
    for head, group in _groups(rows):
        cells = [_cells(row) for row in group]
        widths = [max(len(line[column]) for line in [head, *cells]) for column in range(len(head))]
        yield "  " + _aligned(head, head, widths)
        system = ""
        for row, line in zip(group, cells, strict=True):
            if row.name.partition("/")[0] != system:
                system = row.name.partition("/")[0]
                yield f"{system}: {row.source}"
            yield "  " + _aligned(line, head, widths)


def markdown(rows: Sequence[Row]) -> Iterator[str]:
    """The tables of a document."""
    for number, (head, group) in enumerate(_groups(rows)):
        yield from [""] * (number > 0)
        yield "| system | " + " | ".join(head) + " |"
        yield "|---" * (len(head) + 1) + "|"
        before = ""
        for row in group:
            system = row.name.partition("/")[0]
            yield f"| {'' if system == before else f'`{system}`'} | " + " | ".join(_cells(row)) + " |"
            before = system


def _groups(rows: Sequence[Row]) -> Iterator[tuple[tuple[str, ...], list[Row]]]:
    """Rows without and with a goal, each kind under its own head."""
    for head, group in (
        (HEAD, [row for row in rows if row.goal is None]),
        (LADDER_HEAD, [row for row in rows if row.goal is not None]),
    ):
        if group:
            yield head, group


def _cells(row: Row) -> tuple[str, ...]:
    seconds = f"{row.train_seconds:.{1 if row.train_seconds >= 1 else 2}f}"
    published = row.published_text or "-"
    if row.goal is None:
        return row.what, row.measured_on, published, row.measured, str(row.seeds), seconds, row.verdict
    limit = f"{row.time_limit:g}" if row.time_limit else "-"
    goal = f"{plain(100 * row.goal)}%"
    return row.what, published, goal, row.measured, str(row.seeds), seconds, limit, row.verdict


def _aligned(cells: Sequence[str], head: Sequence[str], widths: Sequence[int]) -> str:
    """Numbers to the right, words to the left."""
    texts = [
        f"{cell:>{width}}" if name in TO_THE_RIGHT else f"{cell:<{width}}"
        for name, cell, width in zip(head, cells, widths, strict=True)
    ]
    return "  ".join(texts).rstrip()
