"""How many images a second each engine distorts, and how much longer an epoch takes with augmentation.

Run: python benchmarks/augmentation.py
"""

from __future__ import annotations

import time

import numpy as np

import pellucid as pl
from pellucid.data import Dataset
from pellucid.data.augment import parse
from pellucid.engine.distortion import Distorter
from pellucid.machine import cores

WORDS = ("shift", "shift rotate zoom shear", "elastic", "erase", "shift rotate zoom shear elastic erase")
NETWORKS = ("784-128-64-10", "784-800-10", "1x28x28-6C5p2-MP2-16C5-MP2-120-84-10")
BATCH, IMAGES = 100, 6000


def speed(words: str, images: np.ndarray, threads: int) -> float:
    """Images a second, drawn and distorted in batches as a training does it; 0 threads: by the reference.

    The fastest of five times.
    """
    augmentation, best = parse(words), 0.0
    kernels = Distorter(images, BATCH, threads) if threads else None
    for epoch in range(1, 6):
        began = time.perf_counter()
        drawn = augmentation.draw(np.arange(len(images)), epoch, seed=0, size=(28, 28))
        if kernels:
            kernels(drawn)
        else:
            for start in range(0, len(images), BATCH):
                part = slice(start, start + BATCH)
                drawn.part(part).of(images[part])
        best = max(best, len(images) / (time.perf_counter() - began))
    return best


def seconds(architecture: str, words: str, data: Dataset, engine: str) -> float:
    """Of an epoch, the fastest of five."""
    network = pl.Network(architecture, seed=0)
    options = {"batch_size": BATCH, "optimizer": pl.SGD(0.01), "engine": engine, "diagnosis": False}
    return min(pl.fit(network, data, epochs=5, augment=words, **options).history["seconds"])


def main() -> None:
    """Print both tables."""
    train, _ = pl.data.load("mnist")
    _, part = train.split(IMAGES / len(train), seed=0)
    images = np.ascontiguousarray(part.images)
    print(f"| `--augment` | reference, one core | native, one core | native, {cores()} cores |\n|---|---|---|---|")
    for words in WORDS:
        print(f"| `{words}` |", " | ".join(f"{speed(words, images, threads):,.0f}" for threads in (0, 1, cores())), "|")
    affine, elastic = WORDS[1], WORDS[1] + " elastic"
    print(f"\n| an epoch, times as long with | `{affine}` | `{elastic}` |\n|---|---|---|")
    for engine, data in (("reference", part), ("native", train)):
        for architecture in NETWORKS:
            plain = seconds(architecture, "", data, engine)
            ratios = [seconds(architecture, words, data, engine) / plain for words in (affine, elastic)]
            print(f"| `{architecture}`, {engine} | {ratios[0]:.1f} | {ratios[1]:.1f} |")


if __name__ == "__main__":
    main()
