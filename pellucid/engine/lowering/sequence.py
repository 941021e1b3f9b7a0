"""Layers in a row: one dictionary from kinds of layers to the functions that write their kernels, and what is fused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pellucid.engine.lowering.builder import Backward, Builder, Tensor
from pellucid.engine.lowering.images import average_pooling, convolution, max_pooling
from pellucid.engine.lowering.layers import dense, dropout, elementwise, identity, noise
from pellucid.engine.lowering.normalization import batch_norm, folded, layer_norm
from pellucid.engine.lowering.reshape import flatten, global_average_pooling
from pellucid.engine.lowering.residual import residual
from pellucid.layers import Layer
from pellucid.layers.activation import (
    ELU,
    GELU,
    Activation,
    Identity,
    LeakyReLU,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from pellucid.layers.convolution import Convolution
from pellucid.layers.dense import Dense
from pellucid.layers.dropout import Disturbance, Dropout, GaussianNoise
from pellucid.layers.normalization import BatchNormalization, LayerNormalization
from pellucid.layers.pooling import AveragePooling, GlobalAveragePooling, MaxPooling
from pellucid.layers.reshape import Flatten
from pellucid.layers.residual import Residual

LAYERS: dict[type[Layer], Callable[[Builder, Any, Any], tuple[Any, Backward]]] = {
    Dense: dense,
    Convolution: convolution,
    MaxPooling: max_pooling,
    AveragePooling: average_pooling,
    GlobalAveragePooling: global_average_pooling,
    Flatten: flatten,
    BatchNormalization: batch_norm,
    LayerNormalization: layer_norm,
    Residual: lambda builder, layer, x: residual(builder, layer, x, row_of),
    ReLU: elementwise,
    LeakyReLU: elementwise,
    ELU: elementwise,
    GELU: elementwise,
    SiLU: elementwise,
    Softplus: elementwise,
    Sigmoid: elementwise,
    Tanh: elementwise,
    Softmax: elementwise,
    Identity: identity,
    Dropout: dropout,
    GaussianNoise: noise,
}


def row_of(builder: Builder, layers: Sequence[Layer], x: Tensor, rim: int = 0) -> tuple[Any, Callable[[Any, int], Any]]:
    """The kernels of layers in a row, which leave images with so much of a rim.

    Returns:
        The last one's output, and a function that writes the way back: from the gradient of that output to the layer of
        a number, which then has its gradients; it returns the gradient of that layer's input if the number is negative.
    """
    if not builder.training:
        layers = folded(builder, undisturbed(layers))
    backwards: list[tuple[int, Backward]] = []
    number = 0
    while number < len(layers):
        layer, (count, options) = layers[number], fused(layers[number:])
        builder.rim = rim_for(layers[number + count :], rim)
        x, backward = LAYERS[type(layer)](builder, layer, x, **options)
        backwards.append((number, backward))
        number += count

    def all_backward(gradient: Any, first: int) -> Any:
        for number, backward in reversed(backwards):
            if number >= first:
                gradient = backward(gradient, number > first)
        return gradient

    return x, all_backward


def fused(layers: Sequence[Layer]) -> tuple[int, dict[str, Any]]:
    """How many of these layers become one kernel, and what the first's function is told of the others."""
    kinds = [type(layer) for layer in layers[:3]]
    if kinds[:2] not in ([Convolution, ReLU], [BatchNormalization, ReLU]):
        return 1, {}
    if kinds[2:] == [MaxPooling] and vars(layers[2])["side"] == vars(layers[2])["stride"] == 2:
        return 3, {"relu": True, "pool": layers[2]}
    return 2, {"relu": True}


def undisturbed(layers: Sequence[Layer]) -> list[Layer]:
    """The layers without those that let everything through in prediction."""
    return [layer for layer in layers if not isinstance(layer, Disturbance)]


def rim_for(layers: Sequence[Layer], rim: int) -> int:
    """The zeros that the first of these layers which is not done in place needs around images; `rim` if all are."""
    for layer in layers:
        if isinstance(layer, Convolution):
            return layer.padding
        if isinstance(layer, Residual):
            return rim_for(layer.layers, rim)
        if not isinstance(layer, Activation | Disturbance):
            return 0
    return rim
