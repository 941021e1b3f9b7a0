"""How good is the learning rate that `pellucid find-lr` recommends, beside the best of twelve?

Each network learns 12,000 images of MNIST for three epochs at the recommended rate and at twelve others, and is tested
on 6,000 more. Run: python benchmarks/learning_rates.py
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

import pellucid as pl
from pellucid.data import Dataset
from pellucid.optimizers import Optimizer

ARCHITECTURES = ("784-128-64-10", "784-30:sigmoid-10", "784-800-10")
OPTIMIZERS = (pl.SGD(), pl.SGD(momentum=0.9), pl.Adagrad(), pl.RMSProp(), pl.Adam(), pl.Lion())
RATES = np.geomspace(1e-5, 3, 12)


def accuracy(architecture: str, optimizer: Optimizer, train: Dataset, held_out: Dataset) -> float:
    """After three epochs; 0 if the weights ran away."""
    network = pl.Network(architecture, seed=1)
    try:
        pl.fit(network, train, epochs=3, batch_size=32, optimizer=optimizer, diagnosis=False)
    except pl.NumericError:
        return 0.0
    return network.evaluate(held_out).accuracy


def main() -> None:
    """Print a table and how much is lost on average."""
    images, _ = pl.data.load("mnist")
    rest, held_out = images.split(0.1, seed=2)
    _, train = rest.split(12_000 / len(rest), seed=1)
    lost = []
    print("| network | optimizer | recommended | accuracy | best of twelve | accuracy |")
    print("|---|---|---|---|---|---|")
    for architecture in ARCHITECTURES:
        for optimizer in OPTIMIZERS:
            rate = pl.find_learning_rate(pl.Network(architecture), images, optimizer=optimizer).recommended
            reached = accuracy(architecture, replace(optimizer, learning_rate=rate), train, held_out)
            others = [
                accuracy(architecture, replace(optimizer, learning_rate=float(other)), train, held_out)
                for other in RATES
            ]
            best = int(np.argmax(others))
            lost.append(others[best] - reached)
            name = type(optimizer).__name__ + (" with momentum" if getattr(optimizer, "momentum", 0) else "")
            print(f"| {architecture} | {name} | {rate:g} | {reached:.1%} | {RATES[best]:.1g} | {others[best]:.1%} |")
    print(f"\non average {100 * np.mean(lost):.1f} points are lost, at most {100 * max(lost):.1f}")


if __name__ == "__main__":
    main()
