"""How many images a second each engine distorts, and how much longer an epoch takes with augmentation.

Run: python benchmarks/augmentation.py
"""

from __future__ import annotations

import math
import time

import numpy as np

import pellucid as pl
from pellucid.data import Dataset
from pellucid.data.augment import parse
from pellucid.engine.distortion import Distorter
from pellucid.machine import cores

AFFINE = "shift rotate zoom shear"
ELASTIC = f"{AFFINE} elastic"
WORDS = ("shift", AFFINE, "elastic", "erase", f"{ELASTIC} erase")
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


def seconds(architecture: str, data: Dataset, engine: str) -> list[float]:
    """Of an epoch without augmentation and with each of two, in turns; the fastest of six."""
    options = {"batch_size": BATCH, "optimizer": pl.SGD(0.01), "engine": engine, "diagnosis": False, "epochs": 2}
    best = [math.inf] * 3
    for _ in range(3):
        for i, words in enumerate(("", AFFINE, ELASTIC)):
            history = pl.fit(pl.Network(architecture, seed=0), data, augment=words, **options).history
            best[i] = min(best[i], *history["seconds"])
    return best


def main() -> None:
    """Print both tables."""
    train, _ = pl.data.load("mnist")
    _, part = train.split(IMAGES / len(train), seed=0)
    images = np.ascontiguousarray(part.images)
    print(f"| `--augment` | reference, one core | native, one core | native, {cores()} cores |\n|---|---|---|---|")
    for words in WORDS:
        print(f"| `{words}` |", " | ".join(f"{speed(words, images, threads):,.0f}" for threads in (0, 1, cores())), "|")
    print(f"\n| an epoch, times as long with | `{AFFINE}` | `{ELASTIC}` |\n|---|---|---|")
    for engine, data in (("reference", part), ("native", train)):
        for architecture in NETWORKS:
            plain, affine, elastic = seconds(architecture, data, engine)
            print(f"| `{architecture}`, {engine} | {affine / plain:.1f} | {elastic / plain:.1f} |")


if __name__ == "__main__":
    main()
