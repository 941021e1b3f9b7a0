"""Seconds per epoch of the reference engine against PyTorch eager: 784-128-64-10, SGD, float32, on two threads.

Both train on the same images, in memory, in the same process; their epochs take turns, and medians are compared.
PyTorch runs with set_to_none, with its plain and with its fused optimizer; the faster one counts. At the end both
must have learned, so that neither wins by doing less.

Run: make benchmark   (pip install torch==2.13.0 first)
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable

PINNED = os.environ.pop("OPENBLAS_CORETYPE", None)  # it can pin NumPy to slower kernels than the machine has

import numpy as np  # noqa: E402
import torch  # noqa: E402

import pellucid as pl  # noqa: E402
from pellucid.machine import describe  # noqa: E402

Contender = tuple[Callable[[int], None], Callable[[], float]]  # train an epoch, test accuracy


def ours(train: pl.data.Dataset, test: pl.data.Dataset, batch_size: int, threads: int) -> Contender:
    """The reference engine."""
    network = pl.Network("784-128-64-10", seed=0)

    def epoch(number: int) -> None:
        pl.fit(network, train, epochs=1, batch_size=batch_size, threads=threads, engine="reference", seed=number)

    return epoch, lambda: network.evaluate(test).accuracy


def theirs(train: pl.data.Dataset, test: pl.data.Dataset, batch_size: int, threads: int, fused: bool) -> Contender:
    """PyTorch eager, its images already floats."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    nn = torch.nn
    network = nn.Sequential(
        nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10)
    )  # fmt: skip
    images, labels = (
        torch.from_numpy(np.array(train.images, np.float32).reshape(-1, 784) / 255),
        torch.from_numpy(train.labels),
    )
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, fused=fused)

    def epoch(number: int) -> None:
        order = torch.randperm(len(images), generator=torch.Generator().manual_seed(number))
        for batch in order.split(batch_size):
            optimizer.zero_grad(set_to_none=True)
            nn.functional.cross_entropy(network(images[batch]), labels[batch]).backward()
            optimizer.step()

    def accuracy() -> float:
        with torch.no_grad():
            tested = torch.from_numpy(np.array(test.images, np.float32).reshape(-1, 784) / 255)
            return float((network(tested).argmax(dim=1).numpy() == test.labels).mean())

    return epoch, accuracy


def race(batch_size: int, rounds: int, threads: int, data: str) -> dict[str, object]:
    """Let all contenders train in turns; the first round warms up and does not count."""
    train, test = pl.data.load(data)
    contenders = {
        "pellucid reference": ours(train, test, batch_size, threads),
        "PyTorch eager": theirs(train, test, batch_size, threads, fused=False),
        "PyTorch eager, fused optimizer": theirs(train, test, batch_size, threads, fused=True),
    }
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name, (epoch, _) in contenders.items():
            began = time.perf_counter()
            epoch(number)
            seconds[name].append(time.perf_counter() - began)
    medians = {name: statistics.median(times[1:]) for name, times in seconds.items()}
    accuracies = {name: accuracy() for name, (_, accuracy) in contenders.items()}
    fastest = min(value for name, value in medians.items() if name.startswith("PyTorch"))
    return {
        "batch_size": batch_size,
        "seconds_per_epoch": medians,
        "test_accuracy": accuracies,
        "ratio": fastest / medians["pellucid reference"],
        "learned": min(accuracies.values()) >= max(accuracies.values()) - 0.02,
    }


def main() -> int:
    """Race at both batch sizes; exit 1 if the reference is slower or somebody did not learn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = [race(batch_size, options.rounds, options.threads, options.data) for batch_size in (32, 128)]
    if options.json:
        print(json.dumps({"machine": describe(), "torch": torch.__version__, "rows": rows}))
    else:
        note = f"; OPENBLAS_CORETYPE={PINNED} was unset for all" if PINNED else ""
        print(f"{describe()['blas']}, torch {torch.__version__}, {options.threads} threads{note}")
        for row in rows:
            print(f"\nbatch {row['batch_size']}: median seconds per epoch, test accuracy")
            for name, value in row["seconds_per_epoch"].items():
                print(f"  {name:<32}{value:8.3f}   {row['test_accuracy'][name]:.2%}")
            print(f"  PyTorch's best takes {row['ratio']:.2f} times as long as the reference engine")
    return 0 if all(row["ratio"] >= 1 and row["learned"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
