"""The table of all systems: published beside measured, as rows, as lines for a terminal and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from pellucid.figures import DEVIATIONS, PublishedFigure
from pellucid.systems.system import Outcome, Protocol, System

NOTHING = "nothing published"


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
        verdict: the same in words.
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
        published = PublishedFigure.of(text) if text else None
        reproduced, verdict = published.verdict(mean, deviation, count) if published else (None, NOTHING)
        yield Row(
            name=name_of(system, protocol),
            what=protocol.words,
            measured_on=figure,
            published=published.least if published else None,
            published_text=text,
            accuracy_mean=mean,
            accuracy_std=deviation,
            seeds=count,
            train_seconds=float(np.mean([outcome.train_seconds for outcome in outcomes])),
            reproduced=reproduced,
            verdict=verdict,
            source=system.source,
        )


HEAD = ("what is trained", "accuracy on", "published", "measured", "seeds", "seconds", "verdict")
LEGEND = (
    "measured: mean ± standard deviation over the seeds, after the last step. seconds: of one training.\n"
    f"reproduced: the published figure lies within {DEVIATIONS} standard deviations of the mean; beaten: it lies below."
)


def lines(rows: Sequence[Row]) -> Iterator[str]:
    """The table for a terminal, 120 columns wide: a heading for each system, a line for each row."""
    cells = [_cells(row) for row in rows]
    widths = [max(len(line[column]) for line in [HEAD, *cells]) for column in range(len(HEAD))]
    yield "  " + _aligned(HEAD, widths)
    system = ""
    for row, line in zip(rows, cells, strict=True):
        if row.name.partition("/")[0] != system:
            system = row.name.partition("/")[0]
            yield f"{system}: {row.source}"
        yield "  " + _aligned(line, widths)


def markdown(rows: Sequence[Row]) -> Iterator[str]:
    """The table of a document."""
    yield "| system | " + " | ".join(HEAD) + " |"
    yield "|---" * (len(HEAD) + 1) + "|"
    before = ""
    for row in rows:
        system = row.name.partition("/")[0]
        yield f"| {'' if system == before else f'`{system}`'} | " + " | ".join(_cells(row)) + " |"
        before = system


def _cells(row: Row) -> tuple[str, ...]:
    seconds = f"{row.train_seconds:.{1 if row.train_seconds >= 1 else 2}f}"
    published = row.published_text or "-"
    return row.what, row.measured_on, published, row.measured, str(row.seeds), seconds, row.verdict


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Numbers to the right, words to the left."""
    texts = [
        f"{cell:>{width}}" if name in ("seeds", "seconds") else f"{cell:<{width}}"
        for name, cell, width in zip(HEAD, cells, widths, strict=True)
    ]
    return "  ".join(texts).rstrip()
