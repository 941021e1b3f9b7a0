"""The result of the races: as an object for JSON, as a table, and as bars."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pellucid.benchmark import growth, memory
from pellucid.benchmark.contenders import LIBRARIES
from pellucid.benchmark.growth import Growth
from pellucid.benchmark.memory import Peak
from pellucid.benchmark.race import Result, duration
from pellucid.files.atomic import write_atomic
from pellucid.glass.bars import Bar, Group, draw

Races = Mapping[str, Sequence[Result]]
Facts = Mapping[str, Any]


def lines(title: str, results: Sequence[Result]) -> Iterator[str]:
    """A table of one race."""
    unit, scale, digits = ("µs", 1e6, 1) if results[0].seconds < 0.005 else ("s", 1.0, 3)
    yield f"{title:<44}{unit:>8}{'ratio':>8}{'of peak':>9}{'accuracy':>10}{'first time':>12}"
    for result in results:
        share = "" if result.share is None else f"{result.share:.0%}"
        accuracy = "" if result.accuracy is None else f"{result.accuracy:.2%}"
        seconds, first = scale * result.seconds, scale * result.first
        yield (
            f"  {result.library + ', ' + result.style:<42}{seconds:>8.{digits}f}{result.ratio:>8.2f}{share:>9}"
            f"{accuracy:>10}{first:>12.{digits}f}{'  *' if result.stopped else ''}"
        )
    for result in results:
        if result.stopped:
            yield f"  * {result.library}, {result.style}: {result.stopped}"


def markdown(races: Races) -> Iterator[str]:
    """The table of a document: each library at its best, in units of pellucid's time."""
    raced = {result.library for results in races.values() for result in results}
    libraries = [library for library in LIBRARIES if library in raced and library != "pellucid"]
    yield "| " + " | ".join(["work", "pellucid", *libraries, "pellucid's share of the peak"]) + " |"
    yield "|---" * (len(libraries) + 3) + "|"
    for title, results in races.items():
        best = {result.library: result for result in reversed(results)}
        cells = [f"{best[library].ratio:.1f}{mark(best[library])}" if library in best else "" for library in libraries]
        share = best["pellucid"].share
        ours = f"{duration(best['pellucid'].seconds)}{'‡' if 'reference' in best['pellucid'].style else ''}"
        yield "| " + " | ".join([title, ours, *cells, "" if share is None else f"{share:.0%}"]) + " |"


def mark(result: Result) -> str:
    """Of a contender whose time was over before all had their turns."""
    return "†" if result.stopped else ""


def footnotes(races: Races) -> Iterator[str]:
    """What the marks in the table mean, if there are any."""
    text = "\n".join(markdown(races))
    if "†" in text:
        yield "† Its time was over: it had fewer turns than the others, and the median is of those."
    if "‡" in text:
        yield "‡ By the reference engine, plain NumPy: there are no kernels for this work yet."


def machine_words(facts: Facts) -> str:
    """Of which machine, libraries and day the figures are."""
    rates = ", ".join(f"{name} {rate / 1e9:.0f}" for name, rate in facts["product_rates"].items())
    peak = f"{facts['peak'] / 1e9:.0f} GF/s" if facts["peak"] else "not measured (no kernels)"
    versions = ", ".join(f"{name} {number}" for name, number in facts["versions"].items())
    own = f"pellucid {facts['pellucid']} ({facts['commit']})"
    return (
        f"{facts['machine']['cpu']}, {facts['threads']} threads, arithmetic peak {peak}; a product of 512x784 and "
        f"784x512 runs at, in GF/s: {rates}. {own}, {versions}; {facts['date']}."
    )


def caption(facts: Facts) -> str:
    """Of the picture."""
    return f"time in units of pellucid's, {facts['threads']} threads, {facts['machine']['cpu']}, {facts['date']}"


def picture(races: Races, caption: str) -> bytes:
    """Each library at its best, as bars in units of pellucid's time; a PNG."""
    groups = []
    for title, results in races.items():
        best = {result.library: result for result in reversed(results)}
        bars = [Bar(library, result.ratio) for library, result in best.items()]
        groups.append(Group(title, sorted(bars, key=lambda bar: bar.value)))
    return draw(groups, caption)


def plain(races: Races) -> list[dict[str, Any]]:
    """The races for JSON."""
    return [
        {"work": title, "results": [{**asdict(result), "accuracy": result.accuracy} for result in results]}
        for title, results in races.items()
    ]


def read(path: Path) -> tuple[dict[str, Any], dict[str, list[Result]]]:
    """The facts and the races in a bench.json."""
    facts = json.loads(path.read_text(encoding="utf-8"))
    races = {}
    for race in facts.pop("races"):
        rows = [{name: value for name, value in row.items() if name != "accuracy"} for row in race["results"]]
        races[race["work"]] = [Result(**row) for row in rows]
    return facts, races


def write_growth(folder: Path, facts: Facts, grown: Sequence[Growth], peaks: Sequence[Peak]) -> None:
    """growth.json, and growth and memory each as .md and .png; memory only where it was measured."""
    about = f"{facts['threads']} threads, {facts['machine']['cpu']}, {facts['date']}"
    content = {**facts, "growth": list(map(asdict, grown)), "memory": list(map(asdict, peaks))}
    write_atomic(folder / "growth.json", (json.dumps(content, indent=2) + "\n").encode())
    write_atomic(folder / "growth.md", "".join(f"- {line}\n" for line in growth.words(grown)).encode())
    write_atomic(folder / "growth.png", growth.picture(grown, about))
    if peaks:
        write_atomic(folder / "memory.md", "".join(f"- {line}\n" for line in memory.words(peaks)).encode())
        write_atomic(folder / "memory.png", memory.picture(peaks, about))


def write(folder: Path, facts: Facts, races: Races) -> None:
    """bench.json, bench.md and bench.png."""
    text = [*markdown(races), "", *footnotes(races), "", machine_words(facts)]
    write_atomic(folder / "bench.json", (json.dumps({**facts, "races": plain(races)}, indent=2) + "\n").encode())
    write_atomic(folder / "bench.md", ("\n".join(text) + "\n").encode())
    write_atomic(folder / "bench.png", picture(races, caption(facts)))
