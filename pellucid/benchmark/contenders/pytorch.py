"""PyTorch: eager and compiled, with its plain and its fused optimizer, images in either layout."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np

from pellucid.benchmark.contenders import Contender, Examples, Predictor
from pellucid.benchmark.work import Work, order
from pellucid.layers import Layer
from pellucid.layers.convolution import Convolution
from pellucid.layers.dense import Dense
from pellucid.layers.normalization import BatchNormalization, LayerNormalization
from pellucid.layers.pooling import MaxPooling
from pellucid.layers.reshape import Flatten

torch: Any = importlib.import_module("torch")
nn: Any = torch.nn

AT_ONCE = 256  # images that are predicted together: what a layer leaves then stays in the cache
LAYOUTS = {"NCHW": torch.contiguous_format, "channels last": torch.channels_last}


def contenders(work: Work, examples: Examples, threads: int) -> list[Contender]:
    """In memory, with set_to_none."""
    torch.set_num_threads(threads)
    if work.dense:
        return [
            _contender(work, examples, "eager", fused=False),
            _contender(work, examples, "eager, fused optimizer"),
            _contender(work, examples, "compiled, fused optimizer", compiled=True),
        ]
    return [
        _contender(work, examples, f"{'compiled' if compiled else 'eager'}, {layout}", layout, compiled=compiled)
        for compiled in (False, True)
        for layout in LAYOUTS
    ]


def _network(work: Work, layout: str) -> Any:
    network = nn.Sequential(*map(_module, work.layers))
    return network if work.dense else network.to(memory_format=LAYOUTS[layout])


def _module(layer: Layer) -> Any:
    """The same layer with the same weights."""
    if isinstance(layer, Convolution):
        module = nn.Conv2d(layer.input_shape[0], layer.maps, layer.side, layer.stride, layer.padding)
    elif isinstance(layer, Dense):
        module = nn.Linear(prod(layer.input_shape), prod(layer.output_shape))
    elif isinstance(layer, MaxPooling):
        return nn.MaxPool2d(layer.side, layer.stride)
    elif isinstance(layer, BatchNormalization):
        return nn.BatchNorm2d(layer.input_shape[0])
    elif isinstance(layer, LayerNormalization):
        return nn.LayerNorm(layer.input_shape)
    else:
        return nn.Flatten() if isinstance(layer, Flatten) else nn.ReLU()
    with torch.no_grad():
        module.weight.copy_(torch.from_numpy(layer.W))
        module.bias.copy_(torch.from_numpy(layer.b.ravel()))
    return module


def _images(work: Work, rows: Any, layout: str) -> Any:
    images = torch.from_numpy(rows)
    return images if work.dense else images.view(-1, 1, 28, 28).to(memory_format=LAYOUTS[layout])


def _contender(
    work: Work, examples: Examples, style: str, layout: str = "NCHW", *, fused: bool = True, compiled: bool = False
) -> Contender:
    network = _network(work, layout)
    images, labels = _images(work, examples.rows, layout), torch.from_numpy(examples.labels)
    if work.optimizer == "adam":
        optimizer = torch.optim.Adam(network.parameters(), lr=work.learning_rate, fused=fused)
    else:
        optimizer = torch.optim.SGD(network.parameters(), lr=work.learning_rate, momentum=work.momentum, fused=fused)

    def loss_of(x: Any, y: Any) -> Any:
        return nn.functional.cross_entropy(network(x), y)

    loss = torch.compile(loss_of) if compiled else loss_of

    def epoch(number: int) -> None:
        network.train()
        for batch in torch.from_numpy(order(number, len(images))).split(work.batch_size):
            optimizer.zero_grad(set_to_none=True)
            loss(images[batch], labels[batch]).backward()
            optimizer.step()

    def accuracy() -> float:
        network.eval()
        with torch.inference_mode():
            parts = _images(work, examples.test_rows, layout).split(AT_ONCE)
            classes = torch.cat([network(part).argmax(dim=1) for part in parts]).numpy()
        return float((classes == examples.test_labels).mean())

    return Contender("PyTorch", style, epoch, accuracy)


def predictors(work: Work, examples: Examples, images: int) -> list[Predictor]:
    """In inference mode, on tensors, in either layout; of many images so many at once as are fastest."""
    return [
        predictor
        for layout in (LAYOUTS if not work.dense else ["NCHW"])
        for predictor in _predictors(work, layout, _images(work, examples.test_rows[:images].copy(), layout))
    ]


def _predictors(work: Work, layout: str, images: Any) -> Iterator[Predictor]:
    network = nn.Sequential(_network(work, layout), nn.Softmax(dim=1)).eval()
    traced = torch.jit.freeze(torch.jit.trace(network, images[:1]))
    where = "" if work.dense else f", {layout}"

    def in_parts(function: Any) -> Any:
        def predict() -> Any:
            with torch.inference_mode():
                return torch.cat([function(part) for part in images.split(AT_ONCE)]).numpy()

        return predict

    def at_once(function: Any) -> Any:
        def predict() -> Any:
            with torch.inference_mode():
                return function(images).numpy()

        return predict

    way = at_once if len(images) <= AT_ONCE else in_parts
    yield Predictor("PyTorch", f"eager{where}", way(network))
    yield Predictor("PyTorch", f"traced and frozen{where}", way(traced))


def product_rate(a: Any, b: Any) -> Any:
    """A function that multiplies two matrices."""
    a, b = torch.from_numpy(np.asarray(a)), torch.from_numpy(np.asarray(b))
    return lambda: a @ b
