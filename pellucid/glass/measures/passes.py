"""Passes through the formulas for the figures: what each layer makes of examples, and gradients of the input."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.arithmetic import operations_of
from pellucid.committee import Committee
from pellucid.data.dataset import Dataset
from pellucid.data.formats.part import flat_shape
from pellucid.engine import reference
from pellucid.engine.prediction import check_finite
from pellucid.errors import DataError, ModelFileError
from pellucid.layers import Layer, sequence
from pellucid.names import choose
from pellucid.network import Network
from pellucid.workspace import Workspace

Floats = NDArray[Any]
WORK_AT_ONCE = 2 * 10**8  # operations of the examples that go through together


def image_shape(network: Network | Committee) -> tuple[int, int, int]:
    """Channels, height and width of the images that the network reads: those it was made for, or a square.

    Raises:
        ModelFileError: it reads no grey or colour images.
    """
    shape = network.input_shape
    if len(shape) == 3 and shape[0] in (1, 3):
        return shape[0], shape[1], shape[2]
    try:
        height, width, *colours = flat_shape(prod(shape), "the model")
    except DataError:
        raise ModelFileError(f"The model reads {shape}, which is no grey or colour image.") from None
    return 3 if colours else 1, height, width


def sample(data: Dataset, count: int) -> Dataset:
    """So many examples of a data set, evenly spread over it, or all if there are no more."""
    return data.subset(np.unique(np.linspace(0, len(data) - 1, min(count, len(data))).round().astype(np.int64)))


def layer_called(network: Network, name: str) -> Layer:
    """A layer of the network's row by its name (UsageError: with the nearest)."""
    return choose("layer", name, {layer.name: layer for layer in network.layers})


def columns(network: Network, images: NDArray[Any]) -> Floats:
    """Images (N, ...) as the first layer reads them: (*shape, N)."""
    return network.normalization.columns(images, network.dtype, network.layers[0].input_shape)


def passes(network: Network, images: NDArray[Any]) -> Iterator[Workspace]:
    """Passes of prediction of all images, part by part; each workspace holds what every layer made of its part.

    Raises:
        NumericError: the logits are NaN or infinite, of which no figure can be drawn.
    """
    at_once = max(1, WORK_AT_ONCE // operations_of(network.layers))
    for start in range(0, len(images), at_once):
        workspace = network.workspace()
        with np.errstate(all="ignore"):  # what overflows is said below
            z = reference.forward(workspace, columns(network, images[start : start + at_once]))
        check_finite(z.reshape(-1, z.shape[-1]).T)
        yield workspace


def outputs(network: Network, images: NDArray[Any], layers: list[Layer]) -> dict[str, Floats]:
    """What these layers make of images (N, ...): (N, ...) each, by the layer's name."""
    parts: dict[str, list[Floats]] = {layer.name: [] for layer in layers}
    for workspace in passes(network, images):
        for layer in layers:
            parts[layer.name].append(np.moveaxis(getattr(workspace.of[layer.name], layer.output), -1, 0))
    return {name: np.concatenate(part) for name, part in parts.items()}


def logits(network: Network, images: NDArray[Any]) -> Floats:
    """What the output link is given for images (N, ...): (N, outputs)."""
    return outputs(network, images, [network.layers[-1]])[network.layers[-1].name].reshape(len(images), -1)


def input_gradient(network: Network, x: Floats, layer: Layer, weights: Floats) -> tuple[Floats, Floats]:
    """The outputs of a layer of the row, and the gradient of Σ weights · outputs with respect to the input.

    As in prediction dropout drops nothing, and batch normalization takes its running statistics.

    Args:
        network: is only read.
        x: (*shape, B) what the first layer reads.
        layer: the last one of the pass.
        weights: of its outputs, (*output shape, B) or a shape that is broadcast to it.

    Returns:
        (*output shape, B) and (*shape, B).
    """
    workspace = network.workspace(gradient=np.zeros_like(network.theta))
    count = 1 + [own.name for own in network.layers].index(layer.name)
    row, numbers = network.layers[:count], workspace.numbers[:count]
    output = sequence.forward(row, numbers, x, None)
    gradient = np.ascontiguousarray(np.broadcast_to(weights, output.shape), dtype=output.dtype)
    return output, sequence.backward(row, numbers, gradient)


def by_name(network: Network, which: str | None, otherwise: int) -> int:
    """The number of a class that is named, or another one.

    Raises:
        UsageError: there is no such class.
    """
    table: Mapping[str, int] = {name: number for number, name in enumerate(network.classes)}
    return otherwise if which is None else choose("class", which, table)
