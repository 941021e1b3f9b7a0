"""The result of the races: as an object for JSON, as a table, and as bars."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pellucid.benchmark.race import Result
from pellucid.files.atomic import write_atomic
from pellucid.glass.bars import Bar, Group, draw


def lines(title: str, results: Sequence[Result], unit: str = "s") -> Iterator[str]:
    """A table of one race."""
    scale = {"s": 1.0, "µs": 1e6}[unit]
    yield f"{title:<44}{unit:>8}{'ratio':>8}{'of peak':>9}{'accuracy':>10}{'first time':>12}"
    for result in results:
        share = "" if result.share is None else f"{result.share:.0%}"
        accuracy = "" if result.accuracy is None else f"{result.accuracy:.2%}"
        seconds, first = scale * result.seconds, scale * result.first
        digits = 3 if unit == "s" else 1
        yield (
            f"  {result.library + ', ' + result.style:<42}{seconds:>8.{digits}f}{result.ratio:>8.2f}{share:>9}"
            f"{accuracy:>10}{first:>12.{digits}f}"
        )


def markdown(races: Mapping[str, Sequence[Result]]) -> Iterator[str]:
    """The table of a document: each library at its best, in units of pellucid's time."""
    libraries = list(dict.fromkeys(result.library for results in races.values() for result in results))
    yield "| work | " + " | ".join(libraries) + " | pellucid's share of the peak |"
    yield "|---" * (len(libraries) + 2) + "|"
    for title, results in races.items():
        best = {result.library: result for result in reversed(results)}
        cells = [f"{best[library].ratio:.1f}" if library in best else "" for library in libraries]
        share = best["pellucid"].share
        yield f"| {title} | " + " | ".join(cells) + f" | {'' if share is None else f'{share:.0%}'} |"


def picture(races: Mapping[str, Sequence[Result]], caption: str) -> bytes:
    """Each library at its best, as bars in units of pellucid's time; a PNG."""
    groups = []
    for title, results in races.items():
        best = {result.library: result for result in reversed(results)}
        groups.append(Group(title, [Bar(library, result.ratio) for library, result in best.items()]))
    return draw([Group(group.title, sorted(group.bars, key=lambda bar: bar.value)) for group in groups], caption)


def plain(races: Mapping[str, Sequence[Result]]) -> list[dict[str, Any]]:
    """The races for JSON."""
    return [{"work": title, "results": [asdict(result) for result in results]} for title, results in races.items()]


def write(folder: Path, facts: Mapping[str, Any], races: Mapping[str, Sequence[Result]], caption: str) -> None:
    """bench.json, bench.md and bench.png."""
    write_atomic(folder / "bench.json", (json.dumps({**facts, "races": plain(races)}, indent=2) + "\n").encode())
    write_atomic(folder / "bench.md", ("\n".join(markdown(races)) + "\n").encode())
    write_atomic(folder / "bench.png", picture(races, caption))
