"""The two tables of docs/robustness.md on the ladder: every recipe on altered test images and on freehand strokes.

Run: pellucid reproduce ladder --out results; python benchmarks/robustness_ladder.py

Seed 0 of each recipe: what results/models lacks is trained here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from fill import filled

import pellucid as pl
from pellucid.committee import Committee
from pellucid.data import Dataset
from pellucid.glass.robustness import Row, measure
from pellucid.network import Network
from pellucid.systems import ladder

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs" / "robustness.md"
RESULTS = ROOT / "results"


def networks(train: Dataset, test: Dataset) -> Iterator[tuple[str, Network | Committee]]:
    """The networks of the ladder, from the lowest, its committees, and the one that comes with pellucid."""
    for system in ladder.systems():
        for protocol in system.protocols:
            if isinstance(protocol, ladder.SeedCommittee):
                yield f"{system.name}, committee", protocol.together(train, test, RESULTS, [])[0]
            elif isinstance(protocol, ladder.Climb):
                yield system.name, protocol.trained(train, test, 0, RESULTS, [])[0]
    yield "pretrained", pl.load("pretrained")


def table(found: dict[str, list[Row]], share: Callable[[Row], float | None]) -> str:
    """A line for each network, a column for each kind of images, in percent."""
    kinds = [row.name for row in next(iter(found.values()))]
    lines = [f"| recipe | {' | '.join(kinds)} |", "|---" * (1 + len(kinds)) + "|"]
    for name, rows in found.items():
        shares = [share(row) for row in rows]
        lines.append(f"| {name} | {' | '.join('-' if one is None else f'{100 * one:.1f}' for one in shares)} |")
    return "\n".join(lines)


def main() -> None:
    """Measure, and fill the two places."""
    train, test = pl.data.load("mnist")
    found = {}
    for name, network in networks(train, test):
        found[name] = measure(network, test).rows
        print(f"{name}: {found[name][0].accuracy:.2%}", flush=True)
    text = filled(DOCUMENT.read_text(encoding="utf-8"), "accuracy", table(found, lambda row: row.accuracy))
    DOCUMENT.write_text(filled(text, "unsure", table(found, lambda row: row.under_90)), encoding="utf-8")


if __name__ == "__main__":
    main()
