"""pellucid reproduce: published figures beside those that pellucid gets."""

from __future__ import annotations

import json as json_format
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from pellucid import systems
from pellucid.cli.options import Data, Json
from pellucid.cli.output import DownloadProgress, TrainingProgress, duration, emit, say
from pellucid.data import load
from pellucid.errors import UsageError
from pellucid.files.atomic import held, write_atomic
from pellucid.systems import table
from pellucid.systems.reproduction import Reproduction, reproduce
from pellucid.systems.system import Outcome, System

QUICK_SEEDS = 3
Option = typer.Option


def command(
    what: Annotated[
        list[str] | None, typer.Argument(metavar="NAME…", help="Systems, such as p03; or five-systems, or ladder.")
    ] = None,
    every: Annotated[bool, Option("--all", help="Reproduce all there are.")] = False,
    seeds: Annotated[
        int | None, Option(min=1, help="Trainings of each row; by default as many as its table asks for.")
    ] = None,
    quick: Annotated[
        bool, Option("--quick", help="Three seeds, less training, and of several only the short ones.")
    ] = False,
    data: Data = "mnist",
    out: Annotated[
        Path, Option(metavar="FOLDER", help="Keeps what each seed came to, the pictures and the table; goes on there.")
    ] = Path("runs/reproduce"),
    json: Json = False,
) -> int:
    """Train what others published, and print their figures beside pellucid's."""
    known = systems.all_systems()
    if every == bool(what):
        raise UsageError(f"Name what to reproduce, or give --all, not both. Known: {', '.join(known)}.")
    chosen = systems.find(what or list(known))
    if quick:
        chosen, seeds = _quickly(chosen), seeds or QUICK_SEEDS
    parts = load(data, DownloadProgress())
    say(f"{parts[0].description}; {len(parts[1]):,} to test")
    _make(out)
    done = []
    with held(out) as free:
        if not free:
            raise UsageError(f"Another process is reproducing in {out}. Wait for its end, or name another --out.")
        try:
            with TrainingProgress() as progress:
                for system in chosen:
                    done.append(reproduce(system, parts, out, seeds, partial(_tell, progress.say), [progress]))
        except KeyboardInterrupt:
            say(f"What is done is kept in {out}; the same command goes on.")
            raise
        return _finish(done, out, parts[0].description, json)


def _quickly(chosen: list[System]) -> list[System]:
    """Less training; of several systems those alone whose trainings take seconds."""
    long = [system.name for system in chosen if not system.short and len(chosen) > 1]
    if long:
        say(f"Left out, for they take longer: {', '.join(long)}. Name one alone to see two epochs of it.")
    return [system.quickly() for system in chosen if system.name not in long]


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder} cannot be made: {error.strerror}. Name another folder with --out.") from None


def _tell(say: Callable[[str], None], name: str, done: int, seeds: int, outcome: Outcome, left: float) -> None:
    """A line for each seed."""
    accuracies = ", ".join(f"{figure} {accuracy:.2%}" for figure, accuracy in outcome.accuracies.items())
    say(f"{name}  seed {done}/{seeds}  {accuracies}  {duration(outcome.train_seconds)}  {duration(left)} left")


def _finish(done: list[Reproduction], out: Path, dataset: str, json: bool) -> int:
    """Print and keep the table."""
    rows = [row for reproduction in done for row in reproduction.rows]
    result: dict[str, Any] = {
        "rows": [asdict(row) for row in rows],
        "remarks": {one.name: one.lines for one in done},
        "pictures": [str(path) for one in done for path in one.pictures],
        "dataset": dataset,
        "out": str(out),
    }
    write_atomic(out / "table.md", ("\n".join(table.markdown(rows)) + "\n").encode())
    write_atomic(out / "table.json", (json_format.dumps(result, indent=2) + "\n").encode())
    failed = [row.name for row in rows if False in (row.reproduced, row.reached)]
    if json:
        emit(result)
        return 1 if failed else 0
    print(*table.lines(rows), table.LEGEND, f"data: {dataset}", sep="\n")
    for one in done:
        if one.lines:
            print("", one.name, *(f"  {line}" for line in one.lines), sep="\n")
    pictures = result["pictures"]
    print("", *(f"wrote {path}" for path in [out / "table.md", *pictures]), sep="\n")
    return 1 if failed else 0
