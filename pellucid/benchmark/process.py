"""Whole processes: `pellucid train p03 --epochs 5` against the same as a script for another library."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from pellucid.benchmark.quiet import Machine
from pellucid.benchmark.race import Result, Say, summary, with_ratios
from pellucid.data import Dataset
from pellucid.data.idx import write_dataset

PROGRAMS = {"PyTorch": "pytorch_p03.py", "JAX": "jax_p03.py"}
FOLDER = Path(__file__).parent / "programs"


def race_processes(
    train: Dataset, test: Dataset, libraries: Sequence[str], rounds: int, machine: Machine, say: Say
) -> list[Result]:
    """Seconds from start to end: importing, reading, training, testing, saving."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_dataset(folder / "digits", train, test)
        ours = ["-m", "pellucid", "train", "p03", "--epochs", "5", "--threads", str(machine.threads), "--json"]
        commands = {"pellucid": [*ours, "--data", str(folder / "digits")]}
        for library in libraries:
            if library in PROGRAMS:
                commands[library] = [str(FOLDER / PROGRAMS[library]), str(folder / "digits"), str(machine.threads)]
        times: dict[str, list[float]] = {library: [] for library in commands}
        accuracies: dict[str, float] = {}
        for number in range(rounds + 1):
            for library, words in commands.items():
                run = partial(subprocess.run, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
                machine.rest()
                began = time.perf_counter()
                done = run([sys.executable, *words])
                times[library].append(time.perf_counter() - began)
                accuracies[library] = json.loads(done.stdout)["test_accuracy"]
            say(f"whole processes: round {number} of {rounds}")
    return with_ratios(
        [
            Result(
                library,
                "train p03 --epochs 5" if library == "pellucid" else PROGRAMS[library],
                *summary(taken, 1),
                accuracy=accuracies[library],
            )
            for library, taken in times.items()
        ]
    )
