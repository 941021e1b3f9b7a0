"""Write the ladder's table into docs/results.md, between its markers, from what results/ holds of each seed.

Run: pellucid reproduce ladder --out results && python benchmarks/results.py          (`make results` does both)
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
from pellucid.systems.system import Parts
from pellucid.systems.table import Row, rows_of

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs" / "results.md"
HEAD = ("recipe", "network", "published", "to reach", "measured", "seeds", "seconds", "limit", "verdict")


def table(parts: Parts, folder: Path) -> Iterator[str]:
    """A line for each rung, counting the seeds that there are."""
    yield f"| {' | '.join(HEAD)} |"
    yield "|---" * len(HEAD) + "|"
    for system in ladder.systems():
        (protocol,) = system.protocols
        outcomes = recorded(system, protocol, parts, folder).outcomes
        rows = list(rows_of(system, protocol, list(outcomes.values()))) if outcomes else [None]
        link = f"[{system.name}](../pellucid/recipes/{system.name}.toml)"
        yield f"| {' | '.join((link, *_cells(system.name, rows[0])))} |"


def _cells(name: str, row: Row | None) -> tuple[str, ...]:
    recipe = find(name)
    network = f"`{recipe.architecture}`, {recipe.epochs} epoch{'s' * (recipe.epochs > 1)}"
    if recipe.augment:
        network += f", `{recipe.augment}`"
    published = f"{100 * (1 - PublishedFigure.of(recipe.published).most):.4g}%" if recipe.published else "-"
    if row is None:
        return network, published, "", "not yet", "0", "", "", ""
    limit = f"{row.time_limit:g}" if row.time_limit else "-"
    goal = f"{100 * (1 - row.goal):.4g}%" if row.goal else "-"
    measured = f"**{100 * (1 - row.accuracy_mean):.3f}%** ± {100 * row.accuracy_std:.3f}"
    return network, published, goal, measured, str(row.seeds), f"{row.train_seconds:.3g}", limit, row.verdict


def main() -> None:
    """Fill the place."""
    text = DOCUMENT.read_text(encoding="utf-8")
    DOCUMENT.write_text(filled(text, "table", "\n".join(table(load("mnist"), ROOT / "results"))), encoding="utf-8")


if __name__ == "__main__":
    main()
