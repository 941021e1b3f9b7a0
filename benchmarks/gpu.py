"""The torch engine against PyTorch's own modules, eager and compiled, on one device: seconds of an epoch.

Run where there is a GPU: python benchmarks/gpu.py
On the CPU it only shows that the script works: python benchmarks/gpu.py --device cpu --examples 2000 --rounds 1
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import nn

import pellucid as pl
from pellucid.data.normalization import Normalization
from pellucid.descent import Descent
from pellucid.engine import devices
from pellucid.engine.torch import TorchEngine

LENET = "1x28x28-6C5p2-MP2-16C5-MP2-120-84-10"
WORKS = [("784-128-64-10", 32), ("784-128-64-10", 128), ("784-800-10", 128), (LENET, 32), (LENET, 128)]
RATE, MOMENTUM = 0.02, 0.9
WAYS = ("pellucid, torch engine", "PyTorch, eager", "PyTorch, compiled")


def modules(architecture: str) -> Any:
    """The same network of PyTorch's modules."""
    if architecture == LENET:
        return nn.Sequential(
            nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
        )  # fmt: skip
    widths = [int(width) for width in architecture.split("-")]
    return nn.Sequential(
        nn.Flatten(), *[part for pair in pairwise(widths) for part in (nn.Linear(*pair), nn.ReLU())][:-1]
    )


def ours(architecture: str, batch_size: int, data: Any, device: str) -> tuple[Callable[[int], None], Callable[[], Any]]:
    """Train one epoch by its number, and the classes of images."""
    network = pl.Network(architecture, seed=0)
    images, targets = network.check_examples(data, None)
    descent = Descent(pl.SGD(RATE, momentum=MOMENTUM))
    engine = TorchEngine(
        network.workspace(), network.loss, descent, images, targets, Normalization(), batch_size, device=device
    )

    def epoch(number: int) -> None:
        order = np.random.default_rng(number).permutation(len(images))
        engine.run(order, np.full(-(-len(order) // batch_size), RATE))

    return epoch, network.classify


def theirs(
    architecture: str, batch_size: int, data: Any, device: str, compiled: bool
) -> tuple[Callable[[int], None], Callable[[Any], Any]]:
    """The same by modules and autograd; the pixels lie on the device as floats, and nothing is read back."""
    torch.manual_seed(0)
    network = modules(architecture).to(device)
    x = torch.tensor(data.images, device=device)[:, None] / 255
    y = torch.tensor(data.labels, device=device)
    optimizer = torch.optim.SGD(network.parameters(), lr=RATE, momentum=MOMENTUM, fused=True)

    def loss_of(images: Any, labels: Any) -> Any:
        return nn.functional.cross_entropy(network(images), labels)

    loss = torch.compile(loss_of, mode="reduce-overhead" if device != "cpu" else None) if compiled else loss_of

    def epoch(number: int) -> None:
        order = torch.randperm(len(x), generator=torch.Generator().manual_seed(number)).to(device)
        for batch in order.split(batch_size):
            optimizer.zero_grad(set_to_none=True)
            loss(x[batch], y[batch]).backward()
            optimizer.step()
        if device != "cpu":
            torch.cuda.synchronize()

    def classify(images: Any) -> Any:
        with torch.inference_mode():
            return network(torch.tensor(images, device=device)[:, None] / 255).argmax(dim=1).cpu().numpy()

    return epoch, classify


def main() -> None:
    """Print a row for each work; everybody takes turns, and the median counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--examples", type=int, default=60_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--works", type=int, default=len(WORKS), help="the first so many rows")
    given = parser.parse_args()
    device = str(devices.device(given.device))
    train, test = pl.data.load(given.data)
    train = train.subset(slice(given.examples))
    print(f"PyTorch {devices.describe()}; on {device}, {len(train):,} images; seconds of an epoch, test accuracy\n")
    print(f"| work | {' | '.join(WAYS)} |\n|---|{'---|' * len(WAYS)}")
    for architecture, batch_size in WORKS[: given.works]:
        contenders = [ours(architecture, batch_size, train, device)]
        contenders += [theirs(architecture, batch_size, train, device, compiled) for compiled in (False, True)]
        seconds: list[list[float]] = [[] for _ in contenders]
        for number in range(given.rounds + 1):
            for (epoch, _), own in zip(contenders, seconds, strict=True):
                began = time.perf_counter()
                epoch(number)
                own.append(time.perf_counter() - began)
        right = [(classify(test.images) == test.labels).mean() for _, classify in contenders]
        medians = [statistics.median(own[1:]) for own in seconds]  # the first round compiles and captures
        cells = [f"{median:.3f}, {share:.2%}" for median, share in zip(medians, right, strict=True)]
        print(f"| {architecture}, batch {batch_size} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
