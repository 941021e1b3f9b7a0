"""pellucid bench: races against PyTorch, JAX and scikit-learn on this machine."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer

from pellucid import __version__
from pellucid.benchmark.process import race_processes
from pellucid.benchmark.quiet import Machine
from pellucid.benchmark.race import (
    Result,
    all_learned,
    available,
    examples_of,
    product_rates,
    race_epochs,
    race_predictions,
)
from pellucid.benchmark.report import lines, plain, write
from pellucid.benchmark.work import P03, WORKS, Work
from pellucid.cli.options import Data, Json
from pellucid.cli.output import DownloadProgress, emit, say
from pellucid.data import load
from pellucid.errors import UsageError
from pellucid.machine import describe

PINNED = "OPENBLAS_CORETYPE"
Option = typer.Option


def command(
    rounds: Annotated[int, Option(min=1, help="Turns of two epochs; medians are compared.")] = 4,
    threads: Annotated[int, Option(min=1, help="Of each contender.")] = 2,
    only: Annotated[str | None, Option(help="Only races with this in their names, such as 'batch 32'.")] = None,
    data: Data = "mnist",
    out: Annotated[Path | None, Option(metavar="FOLDER", help="Write bench.json, .md and .png there.")] = None,
    json: Json = False,
) -> int:
    """Race training and prediction against the libraries that are installed, with the accuracy in the same run."""
    if PINNED in os.environ:  # it can hold NumPy to slower kernels than the machine has, and is read when NumPy starts
        say(f"{PINNED}={os.environ.pop(PINNED)} is taken out, for every contender alike.")
        return subprocess.call([sys.executable, "-m", "pellucid", *sys.argv[1:]])
    if hasattr(os, "sched_setaffinity"):  # JAX takes a thread for each core that the process may use
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])

    races, facts = _race(rounds, threads, only or "", data, quiet=json)
    learned = all(all_learned(results) for results in races.values())
    result = {**facts, "learned": learned, "races": plain(races)}
    caption = f"time in units of pellucid's, {threads} threads, {facts['machine']['cpu']}, {facts['date']}"
    if out:
        write(out, {**facts, "learned": learned}, races, caption)
    if json:
        emit(result)
        return 0 if learned else 1
    print(_words(facts))
    if not learned:
        print("FAILED: not all contenders learned the same, so their times cannot be compared.")
    return 0 if learned else 1


def _race(rounds: int, threads: int, only: str, data: str, *, quiet: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    """All races whose names hold `only`, each printed when it is over, and what there is to know about the machine."""
    import threadpoolctl

    names = [*(work.name for work in WORKS), "one image", "the whole process"]
    if not any(only in name for name in names):
        raise UsageError(f"No race has {only!r} in its name. There are: {'; '.join(names)}.")
    train, test = load(data, DownloadProgress())
    say(f"{train.description}; {len(test):,} to test")
    libraries = available(say)
    machine = Machine(threads)
    races: dict[str, Any] = {}

    def keep(title: str, results: list[Result], unit: str = "s") -> None:
        races[title] = results
        if not quiet:
            print(*lines(title, results, unit), "", sep="\n", flush=True)

    with threadpoolctl.threadpool_limits(threads):
        for work in WORKS:
            if only in work.name:
                examples = examples_of(train, test, work.normalize)
                results = race_epochs(work, libraries, examples, rounds, machine, say)
                done, most = work.arithmetic * len(train), machine.peak
                keep(work.name, [replace(r, share=done / r.seconds / most if most else None) for r in results])
        if only in "one image":
            examples = examples_of(train, test, "unit")
            keep("one image", race_predictions(Work(P03, "sgd", 32), libraries, examples, rounds, machine, say), "µs")
        rates = product_rates(libraries, rounds, machine)
    if only in "the whole process":
        keep("the whole process", race_processes(train, test, libraries, rounds, machine, say))
    return races, _facts(machine, rounds, train.description, rates, libraries)


def _facts(
    machine: Machine, rounds: int, dataset: str, rates: dict[str, float], libraries: Sequence[str]
) -> dict[str, Any]:

    packages = {"PyTorch": "torch", "JAX": "jax", "scikit-learn": "scikit-learn"}
    return {
        "pellucid": __version__,
        "commit": _commit(),
        "date": time.strftime("%Y-%m-%d"),
        "machine": describe(),
        "threads": machine.threads,
        "rounds": rounds,
        "dataset": dataset,
        "versions": {library: version(packages[library]) for library in libraries if library in packages},
        "peak": machine.peak,
        "waits": machine.waits,
        "product_rates": rates,
    }


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
    rates = ", ".join(f"{name} {rate / 1e9:.0f}" for name, rate in facts["product_rates"].items())
    peak = f"{facts['peak'] / 1e9:.0f}" if facts["peak"] else "not measured (no kernels)"
    versions = ", ".join(f"{name} {number}" for name, number in facts["versions"].items())
    return (
        f"s: seconds an epoch (µs: a call), median of {facts['rounds']} turns of two epochs.\n"
        "ratio: in units of pellucid's best.\n"
        "of peak: the arithmetic of the matrix products, zeros and all, as a share of what the machine can do; above\n"
        "100% where pixels that are 0 are passed over.\n"
        f"{facts['machine']['cpu']}, {facts['threads']} threads, peak {peak} GF/s; a product of 512x784 and 784x512, "
        f"GF/s: {rates}.\npellucid {facts['pellucid']} ({facts['commit']}), {versions}, {facts['date']}."
    )
