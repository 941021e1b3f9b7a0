"""What looking for trouble costs: trainings on the native engine with and without, taking turns.

Run: python benchmarks/diagnosis.py
"""

from __future__ import annotations

import time

import pellucid as pl
from pellucid.optimizers import Optimizer

TURNS = 6
TRAININGS: tuple[tuple[str, Optimizer, int, int], ...] = (  # architecture, optimizer, batch size, epochs
    ("784-128-64-10", pl.SGD(), 32, 20),
    ("784-128-64-10", pl.Adam(), 128, 20),
    ("784-800-10", pl.SGD(momentum=0.9), 64, 4),
)


def main() -> None:
    """Print the ratio of the fastest of each."""
    train, _ = pl.data.load("mnist")
    print("| training | time with diagnosis ÷ without |\n|---|---|")
    for architecture, optimizer, batch_size, epochs in TRAININGS:
        best = {True: float("inf"), False: float("inf")}
        for turn in range(2 * TURNS):
            diagnosis = turn % 4 in (0, 3)
            network, began = pl.Network(architecture, seed=0), time.perf_counter()
            pl.fit(network, train, epochs=epochs, batch_size=batch_size, optimizer=optimizer, diagnosis=diagnosis)
            best[diagnosis] = min(best[diagnosis], time.perf_counter() - began)
        name = f"{architecture}, {type(optimizer).__name__}, batches of {batch_size}, {epochs} epochs"
        print(f"| {name} | {best[True] / best[False]:.3f} |", flush=True)


if __name__ == "__main__":
    main()
