"""How many images a second are distorted, and what share of a training that is.

Run: python benchmarks/augmentation.py
"""

from __future__ import annotations

import time

import numpy as np

import pellucid as pl
from pellucid.data import Dataset
from pellucid.data.augment import parse

WORDS = ("shift", "shift rotate zoom shear", "elastic", "erase", "shift rotate zoom shear elastic erase")
NETWORKS = ("784-128-64-10", "784-800-10", "1x28x28-6C5p2-MP2-16C5-MP2-120-84-10")
BATCH, IMAGES = 100, 6000


def speed(words: str, images: np.ndarray) -> float:
    """Images a second, in batches as a training distorts them; the fastest of three times."""
    augmentation, best = parse(words), 0.0
    for epoch in range(1, 4):
        began = time.perf_counter()
        drawn = augmentation.draw(np.arange(len(images)), epoch, seed=0, size=(28, 28))
        for start in range(0, len(images), BATCH):
            part = slice(start, start + BATCH)
            drawn.part(part).of(images[part])
        best = max(best, len(images) / (time.perf_counter() - began))
    return best


def seconds(architecture: str, words: str, data: Dataset) -> float:
    """Of an epoch on the reference engine, the faster of two."""
    network = pl.Network(architecture, seed=0)
    options = {"batch_size": BATCH, "optimizer": pl.SGD(0.01), "engine": "reference", "diagnosis": False}
    return min(pl.fit(network, data, epochs=2, augment=words, **options).history["seconds"])


def main() -> None:
    """Print both tables."""
    train, _ = pl.data.load("mnist")
    _, part = train.split(IMAGES / len(train), seed=0)
    images = np.asarray(part.images)
    print("| `--augment` | images a second |\n|---|---|")
    for words in WORDS:
        print(f"| `{words}` | {speed(words, images):,.0f} |")
    affine, elastic = WORDS[1], WORDS[1] + " elastic"
    print(f"\n| an epoch on the reference engine, times as long with | `{affine}` | `{elastic}` |\n|---|---|---|")
    for architecture in NETWORKS:
        plain = seconds(architecture, "", part)
        shares = [seconds(architecture, words, part) / plain for words in (affine, elastic)]
        print(f"| `{architecture}` | {shares[0]:.1f} | {shares[1]:.1f} |")


if __name__ == "__main__":
    main()
