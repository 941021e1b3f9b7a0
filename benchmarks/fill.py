"""Write what `pellucid bench --out FOLDER` found into docs/performance.md, between its markers, with the pictures.

Run: python benchmarks/fill.py FOLDER...       races of a later folder take the place of those of the same name
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from pellucid.benchmark.process import PROCESSES
from pellucid.benchmark.race import Result
from pellucid.benchmark.report import caption, footnotes, machine_words, markdown, picture, read
from pellucid.benchmark.work import ANSWERS, WORKS

DOCS = Path(__file__).parents[1] / "docs"
NAMES = [row.name for row in (*WORKS, *ANSWERS, *PROCESSES)]
DRAWN = {
    "growth": "Six panels of lines, in words below: how the seconds of an epoch grow.",
    "memory": "Two lines over the size of the data: mapped it stays low, read it ends at the cap.",
}


def filled(text: str, marker: str, content: str) -> str:
    """The text with this content between <!-- marker --> and <!-- /marker -->."""
    pattern = re.compile(f"(<!-- {marker} -->\n).*?(<!-- /{marker} -->)", re.DOTALL)
    text, count = pattern.subn(lambda found: f"{found[1]}{content.strip()}\n{found[2]}", text)
    if count != 1:
        raise SystemExit(f"The document has {count} places <!-- {marker} -->, not one.")
    return text


def table(folders: list[Path]) -> tuple[str, bytes]:
    """The table of all races in these folders with what stands below it, and its picture."""
    facts: dict[str, Any] = {}
    races: dict[str, list[Result]] = {}
    for folder in folders:
        found, more = read(folder / "bench.json")
        facts = {**found, "peak": max(found["peak"] or 0, facts.get("peak") or 0)}
        races |= more
    races = {name: races[name] for name in sorted(races, key=NAMES.index)}
    notes = [*footnotes(races), machine_words(facts)]
    figure = "![Bars for each row of the table, each library at its best.](bench.png)"
    return "\n".join([*markdown(races), "", *(f"{note}\n" for note in notes), figure]), picture(races, caption(facts))


def main() -> None:
    """Fill the places for which the folders have something."""
    folders = [Path(word) for word in sys.argv[1:]]
    document = DOCS / "performance.md"
    text = document.read_text(encoding="utf-8")
    if raced := [folder for folder in folders if (folder / "bench.json").exists()]:
        content, bars = table(raced)
        text = filled(text, "table", content)
        (DOCS / "bench.png").write_bytes(bars)
    for folder in folders:
        for name, alternative in DRAWN.items():
            if (folder / f"{name}.md").exists():
                words = (folder / f"{name}.md").read_text(encoding="utf-8")
                text = filled(text, name, f"![{alternative}]({name}.png)\n\n{words}")
                (DOCS / f"{name}.png").write_bytes((folder / f"{name}.png").read_bytes())
    document.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
