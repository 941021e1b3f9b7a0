"""How much arithmetic a layer does: additions, multiplications and function values of a forward pass of one example."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod

from pellucid.layers import Layer, walk
from pellucid.layers.dropout import GaussianNoise
from pellucid.layers.normalization import Normalization
from pellucid.layers.pooling import GlobalAveragePooling, Pooling


def operations(layer: Layer) -> int:
    """Of one layer, without those inside it: one for each number of its output, if it is of no kind known here."""
    outputs = prod(layer.output_shape)
    for tensor in layer.tensors:
        if tensor.name == "W":  # each output is a sum of products with the weights of its row
            return 2 * prod(layer.shape_of(tensor)[1:]) * outputs
    if isinstance(layer, Pooling):
        return int(layer.side**2) * outputs
    if isinstance(layer, GlobalAveragePooling):
        return prod(layer.input_shape)
    return outputs * (4 if isinstance(layer, Normalization) else 2 if isinstance(layer, GaussianNoise) else 1)


def operations_of(layers: Iterable[Layer]) -> int:
    """Of all layers, also those inside others."""
    return sum(map(operations, walk(layers)))
