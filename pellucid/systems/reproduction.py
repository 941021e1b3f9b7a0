"""The reproduction of a system: the seeds that are missing are trained, and all of them are summed up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from pellucid.callbacks import Callback
from pellucid.files.atomic import write_atomic
from pellucid.systems.records import Records
from pellucid.systems.system import Outcome, Parts, Protocol, System
from pellucid.systems.table import Row, name_of, rows_of

Told = Callable[[str, int, int, Outcome, float], None]  # name of the protocol, seeds done, of so many, outcome, left


@dataclass(frozen=True)
class Reproduction:
    """A system's rows in the table, what else there is to say, and the pictures that were written."""

    name: str
    rows: list[Row]
    lines: list[str]
    pictures: list[Path]


def reproduce(
    system: System, parts: Parts, folder: Path, seeds: int | None, told: Told, watch: Sequence[Callback] = ()
) -> Reproduction:
    """Train each protocol from the seeds 0, 1, ... and sum up.

    Args:
        system: what is reproduced.
        parts: the data.
        folder: holds a file of JSON lines for each protocol, to which each seed is appended when it is done, and the
            pictures; seeds that are there are not trained again.
        seeds: how many; None takes each protocol's own number.
        told: after each seed, with the seconds that the rest of the protocol will take.
        watch: callbacks that show how trainings of minutes go.
    """
    results: dict[str, list[Outcome]] = {}
    rows: list[Row] = []
    for protocol in system.protocols:
        outcomes = _run(system, protocol, parts, folder, protocol.seeds_taken(seeds), told, watch)
        results[protocol.variant] = outcomes
        rows += rows_of(system, protocol, outcomes)
    report = system.report(results, parts)
    pictures = [folder / name for name in report.pictures]
    for path in pictures:
        write_atomic(path, report.pictures[path.name])
    return Reproduction(system.name, rows, report.lines, pictures)


def _run(
    system: System, protocol: Protocol, parts: Parts, folder: Path, seeds: int, told: Told, watch: Sequence[Callback]
) -> list[Outcome]:
    """The outcomes of seeds 0, 1, ..., of which those that no file holds are trained now."""
    name = name_of(system, protocol)
    train, test = data = protocol.data(parts, folder)
    records = recorded(system, protocol, data, folder)
    missing = [seed for seed in range(seeds) if seed not in records.outcomes]
    began = monotonic()
    for done, seed in enumerate(missing, start=1):
        outcome = protocol.go_on(train, test, seed, folder, watch)
        records.add(seed, outcome)
        left = (monotonic() - began) / done * (len(missing) - done)
        told(name, seeds - len(missing) + done, seeds, outcome, left)
    return [records.outcomes[seed] for seed in range(seeds)]


def recorded(system: System, protocol: Protocol, data: Parts, folder: Path) -> Records:
    """What the folder holds of the protocol, on its own data."""
    return Records(folder / f"{name_of(system, protocol).replace('/', '-')}.jsonl", protocol.digest(data))
