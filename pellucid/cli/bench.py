"""pellucid bench: races against PyTorch, JAX, TensorFlow and scikit-learn on this machine."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer

from pellucid import __version__
from pellucid.benchmark import growth as growing
from pellucid.benchmark import memory
from pellucid.benchmark.process import PROCESSES, race_processes
from pellucid.benchmark.quiet import Machine
from pellucid.benchmark.race import (
    Result,
    available,
    examples_of,
    failures,
    product_rates,
    race_answers,
    race_epochs,
)
from pellucid.benchmark.report import lines, machine_words, plain, write, write_growth
from pellucid.benchmark.work import ANSWERS, WORKS
from pellucid.cli.options import Data, Json
from pellucid.cli.output import DownloadProgress, emit, say
from pellucid.data import load
from pellucid.errors import UsageError
from pellucid.machine import describe

PINNED = "OPENBLAS_CORETYPE"
PACKAGES = {"PyTorch": "torch", "JAX": "jax", "scikit-learn": "scikit-learn"}
Option = typer.Option


def command(
    rounds: Annotated[int, Option(min=1, help="Turns of two epochs; medians are compared.")] = 3,
    threads: Annotated[int, Option(min=1, help="Of each contender.")] = 2,
    only: Annotated[str | None, Option(help="Only races with this in their names, such as 'batch 32'.")] = None,
    data: Data = "mnist",
    growth: Annotated[
        bool, Option("--growth", help="No races: how time grows with the work, and memory with the data.")
    ] = False,
    out: Annotated[
        Path | None, Option(metavar="FOLDER", help="Write bench.json, .md and .png there; or growth.* and memory.*.")
    ] = None,
    json: Json = False,
) -> int:
    """Race training and prediction against the libraries that are installed, with the accuracy in the same run."""
    if PINNED in os.environ:  # it can hold NumPy to slower kernels than the machine has, and is read when NumPy starts
        say(f"{PINNED}={os.environ.pop(PINNED)} is taken out, for every contender alike.")
        return subprocess.call([sys.executable, "-m", "pellucid", *sys.argv[1:]])
    if hasattr(os, "sched_setaffinity"):  # JAX takes a thread for each core that the process may use
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    if growth:
        return _grow(rounds, threads, data, out, json)
    names = [row.name for row in (*WORKS, *ANSWERS, *PROCESSES)]
    if not any((only or "") in name for name in names):
        raise UsageError(f"No race has {only!r} in its name. There are: {'; '.join(names)}.")

    import threadpoolctl

    libraries, machine = available(say), Machine(threads)
    races: dict[str, list[Result]] = {}
    with threadpoolctl.threadpool_limits(threads):
        for name, results in _races(only or "", data, libraries, rounds, machine):
            races[name] = results
            if not json:
                print(*lines(name, results), "", sep="\n", flush=True)
        rates = product_rates(libraries, rounds, machine)
    failed = [f"{name}: {failure}" for name, results in races.items() for failure in failures(results)]
    facts = {**_facts(machine, rounds, libraries), "product_rates": rates, "failures": failed, "learned": not failed}
    if out:
        write(out, facts, races)
    if json:
        emit({**facts, "races": plain(races)})
    else:
        print(_words(facts))
    for failure in failed:
        say(f"FAILED, so the times cannot be compared: {failure}.")
    return int(bool(failed))


def _grow(rounds: int, threads: int, data: str, out: Path | None, json: bool) -> int:
    """How time and memory grow, in words, as JSON and as pictures."""
    train, test = load(data, DownloadProgress())
    libraries, machine = available(say), Machine(threads)
    grown = growing.measure(train, test, libraries, rounds, machine, say)
    peaks = memory.measure(train, test, say)
    facts = _facts(machine, rounds, libraries)
    if out:
        write_growth(out, facts, grown, peaks)
    if json:
        emit({**facts, "growth": list(map(asdict, grown)), "memory": list(map(asdict, peaks))})
    else:
        print(*growing.words(grown), *memory.words(peaks), sep="\n")
    return 0


def _races(
    only: str, data: str, libraries: Sequence[str], rounds: int, machine: Machine
) -> Iterator[tuple[str, list[Result]]]:
    """All races whose names hold `only`, one after the other."""
    train, test = load(data, DownloadProgress())
    say(f"{train.description}; {len(test):,} to test")
    for work in WORKS:
        if only in work.name:
            examples = examples_of(train, test, work.normalize, work.examples)
            yield work.name, race_epochs(work, libraries, examples, rounds, machine, say)
    for answering in ANSWERS:
        if only in answering.name:
            yield answering.name, race_answers(answering, libraries, examples_of(train, test), rounds, machine, say)
    for programs in PROCESSES:
        if only in programs.name:
            yield programs.name, race_processes(programs, train, test, libraries, rounds, machine, say)


def _facts(machine: Machine, rounds: int, libraries: Sequence[str]) -> dict[str, Any]:
    return {
        "pellucid": __version__,
        "commit": _commit(),
        "date": time.strftime("%Y-%m-%d"),
        "machine": describe(),
        "threads": machine.threads,
        "rounds": rounds,
        "versions": {library: _version(library) for library in libraries if library != "pellucid"},
        "peak": machine.peak,
        "waits": machine.waits,
    }


def _version(library: str) -> str:
    if library == "TensorFlow":  # its package has several names
        return str(sys.modules["tensorflow"].__version__)
    return version(PACKAGES[library])


def _commit() -> str | None:
    """The commit that pellucid's files are of, where they lie in a repository."""
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or None


def _words(facts: dict[str, Any]) -> str:
    """What the figures mean, and of which machine they are."""
    return (
        f"s: seconds an epoch, of predictions and processes a call; median of {facts['rounds']} turns of two epochs.\n"
        "ratio: in units of pellucid's best.\n"
        "of peak: the arithmetic of all products with weights, zeros and all, as a share of what the machine can do;\n"
        "above 100% where pixels that are 0 are passed over, or convolutions take fewer multiplications.\n"
        + machine_words(facts)
    )
