"""PyTorch: eager with its plain and its fused optimizer, and compiled."""

from __future__ import annotations

import importlib
from itertools import pairwise
from typing import Any

from pellucid.benchmark.contenders import Contender, Examples, Predictor
from pellucid.benchmark.work import Work

torch: Any = importlib.import_module("torch")
nn: Any = torch.nn


def contenders(work: Work, examples: Examples, threads: int) -> list[Contender]:
    """In memory, with set_to_none."""
    torch.set_num_threads(threads)
    return [
        _contender(work, examples, "eager", fused=False, compiled=False),
        _contender(work, examples, "eager, fused optimizer", fused=True, compiled=False),
        _contender(work, examples, "compiled, fused optimizer", fused=True, compiled=True),
    ]


def _network(work: Work) -> Any:
    torch.manual_seed(0)
    layers = [part for inputs, outputs in pairwise(work.widths) for part in (nn.Linear(inputs, outputs), nn.ReLU())]
    return nn.Sequential(*layers[:-1])


def _contender(work: Work, examples: Examples, style: str, *, fused: bool, compiled: bool) -> Contender:
    network = _network(work)
    images, labels = torch.from_numpy(examples.rows), torch.from_numpy(examples.labels)
    if work.optimizer == "adam":
        optimizer = torch.optim.Adam(network.parameters(), lr=work.learning_rate, fused=fused)
    else:
        optimizer = torch.optim.SGD(network.parameters(), lr=work.learning_rate, momentum=work.momentum, fused=fused)

    def loss_of(x: Any, y: Any) -> Any:
        return nn.functional.cross_entropy(network(x), y)

    loss = torch.compile(loss_of) if compiled else loss_of

    def epoch(number: int) -> None:
        order = torch.randperm(len(images), generator=torch.Generator().manual_seed(number))
        for batch in order.split(work.batch_size):
            optimizer.zero_grad(set_to_none=True)
            loss(images[batch], labels[batch]).backward()
            optimizer.step()

    def accuracy() -> float:
        with torch.inference_mode():
            classes = network(torch.from_numpy(examples.test_rows)).argmax(dim=1).numpy()
        return float((classes == examples.test_labels).mean())

    return Contender("PyTorch", style, epoch, accuracy)


def predictors(work: Work, examples: Examples) -> list[Predictor]:
    """In inference mode, on a row that is a tensor already."""
    network, image = _network(work).eval(), torch.from_numpy(examples.test_rows[:1].copy())
    traced = torch.jit.freeze(torch.jit.trace(nn.Sequential(network, nn.Softmax(dim=1)).eval(), image))

    def eager() -> Any:
        with torch.inference_mode():
            return torch.softmax(network(image), dim=1)

    def frozen() -> Any:
        with torch.inference_mode():
            return traced(image)

    return [Predictor("PyTorch", "eager", eager), Predictor("PyTorch", "traced and frozen", frozen)]


def product_rate(a: Any, b: Any) -> Any:
    """A function that multiplies two matrices."""
    a, b = torch.from_numpy(a), torch.from_numpy(b)
    return lambda: a @ b
