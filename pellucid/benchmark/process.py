"""Whole processes: `pellucid train` against the same as a script for another library."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pellucid.benchmark.quiet import Machine
from pellucid.benchmark.race import Result, Say, summary, with_ratios
from pellucid.data import Dataset
from pellucid.data.idx import write_dataset

FOLDER = Path(__file__).parent / "programs"


@dataclass(frozen=True)
class Programs:
    """The same training as a command and as scripts.

    Args:
        name: the row in words.
        command: of pellucid.
        scripts: by library, in programs/.
    """

    name: str
    command: str
    scripts: Mapping[str, str]


PROCESSES = (
    Programs("the whole process", "train p03 --epochs 5", {"PyTorch": "pytorch_p03.py", "JAX": "jax_p03.py"}),
    Programs("the whole process, 99% in one epoch", "train speedrun", {"PyTorch": "pytorch_speedrun.py"}),
)


def race_processes(
    programs: Programs, train: Dataset, test: Dataset, libraries: Sequence[str], rounds: int, machine: Machine, say: Say
) -> list[Result]:
    """Seconds from start to end: importing, reading, training, testing, saving."""
    with tempfile.TemporaryDirectory() as name:
        folder, threads = Path(name), str(machine.threads)
        write_dataset(folder / "digits", train, test)
        digits = str(folder / "digits")
        ours = ["-m", "pellucid", *programs.command.split(), "--threads", threads, "--json", "--data", digits]
        commands = {"pellucid": (programs.command, ours)}
        for library, script in programs.scripts.items():
            if library in libraries:
                commands[library] = script, [str(FOLDER / script), digits, threads]
        times: dict[str, list[float]] = {library: [] for library in commands}
        accuracies: dict[str, list[float]] = {library: [] for library in commands}
        for number in range(rounds + 1):
            for library, (_, words) in commands.items():
                run = partial(subprocess.run, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
                machine.rest()
                began = time.perf_counter()
                done = run([sys.executable, *words])
                times[library].append(time.perf_counter() - began)
                accuracies[library].append(json.loads(done.stdout)["test_accuracy"])
            say(f"{programs.name}: round {number} of {rounds}")
    return with_ratios(
        [
            Result(library, commands[library][0], *summary(taken, 1), accuracies=accuracies[library])
            for library, taken in times.items()
        ]
    )
