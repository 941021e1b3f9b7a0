"""Write the ladder's table into docs/results.md, between its markers, from what results/ holds of each seed.

Run: pellucid reproduce ladder --out results; python benchmarks/results.py          (`make results` does both)
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from fill import filled

from pellucid.data import load
from pellucid.figures import PublishedFigure
from pellucid.recipe import find
from pellucid.systems import ladder
from pellucid.systems.reproduction import recorded
from pellucid.systems.system import Parts, Protocol
from pellucid.systems.table import Row, rows_of

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs" / "results.md"
HEAD = ("recipe", "network", "published", "to reach", "measured", "seeds", "seconds", "limit", "verdict")


def table(parts: Parts, folder: Path) -> Iterator[str]:
    """A line for each rung, counting the seeds that there are."""
    yield f"| {' | '.join(HEAD)} |"
    yield "|---" * len(HEAD) + "|"
    for system in ladder.systems():
        link = f"[{system.name}](../pellucid/recipes/{system.name}.toml)"
        for protocol in system.protocols:
            network = protocol.words if protocol.variant else _network(system.name)
            outcomes = recorded(system, protocol, parts, folder).outcomes
            rows = list(rows_of(system, protocol, list(outcomes.values()))) if outcomes else [None]
            yield f"| {' | '.join((link, network, *_cells(protocol, rows[0])))} |"


def _network(name: str) -> str:
    recipe = find(name)
    network = f"`{recipe.architecture}`, {recipe.epochs} epoch{'s' * (recipe.epochs > 1)}"
    return f"{network}, `{recipe.augment}`" if recipe.augment else network


def _cells(protocol: Protocol, row: Row | None) -> tuple[str, ...]:
    published = protocol.figures["test"]
    told = f"{100 * (1 - PublishedFigure.of(published).most):.4g}%" if published else "-"
    goal = f"{100 * (1 - protocol.goal):.4g}%" if protocol.goal else "-"
    limit = f"{protocol.time_limit:g}" if protocol.time_limit else "-"
    if row is None:
        return told, goal, "not yet", "0", "", limit, ""
    spread = f" ± {100 * row.accuracy_std:.3f}" if row.seeds > 1 else ""
    measured = f"**{100 * (1 - row.accuracy_mean):.3f}%**{spread}"
    seconds = f"{row.train_seconds:,.0f}" if row.train_seconds > 100 else f"{row.train_seconds:.3g}"
    return told, goal, measured, str(row.seeds), seconds, limit, row.verdict


def main() -> None:
    """Fill the place."""
    text = DOCUMENT.read_text(encoding="utf-8")
    DOCUMENT.write_text(filled(text, "table", "\n".join(table(load("mnist"), ROOT / "results"))), encoding="utf-8")


if __name__ == "__main__":
    main()
