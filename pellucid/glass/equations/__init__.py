"""Every tensor of a pass as an equation: its formula, what it was made of, and each of its numbers as a sum.

The layers' own formulas compute whole matrices at once. Here the same is said of single numbers, and worked out from
their parents' numbers with Python's own arithmetic, so that a reader can follow one and a test compares the two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from pellucid.errors import UsageError
from pellucid.glass.equations import dense, losses, normalization, pointwise, residual, updates, windows
from pellucid.glass.equations.cells import Equation, Sum, Tensors, Term, cell_name
from pellucid.layers import Layer
from pellucid.layers.activation import Activation, Identity, Softmax
from pellucid.layers.convolution import Convolution
from pellucid.layers.dense import Dense
from pellucid.layers.dropout import Dropout, GaussianNoise
from pellucid.layers.normalization import Normalization
from pellucid.layers.pooling import AveragePooling, GlobalAveragePooling, MaxPooling
from pellucid.layers.reshape import Flatten
from pellucid.layers.residual import Residual

__all__ = ["Equation", "Sum", "Tensors", "Term", "cell_name", "equations", "losses", "updates"]

EQUATIONS: dict[type[Layer], Callable[[Any, Tensors], Iterator[Equation]]] = {
    Dense: dense.dense,
    Convolution: windows.convolution,
    MaxPooling: windows.max_pooling,
    AveragePooling: windows.average_pooling,
    GlobalAveragePooling: windows.global_average_pooling,
    Normalization: normalization.normalization,
    Softmax: pointwise.softmax,
    Identity: pointwise.identity,
    Activation: pointwise.activation,
    Dropout: pointwise.dropout,
    GaussianNoise: pointwise.noise,
    Flatten: pointwise.flatten,
    Residual: residual.residual,
}


def equations(layer: Layer, t: Tensors) -> Iterator[Equation]:
    """Of what this layer computes, forwards and then backwards.

    Raises:
        UsageError: a layer that is none of pellucid's.
    """
    kind = next((kind for kind in type(layer).__mro__ if kind in EQUATIONS), None)
    if kind is None:
        raise UsageError(
            f"{layer.name}, a {type(layer).__name__}, is none of pellucid's layers: it has no equations here."
        )
    return EQUATIONS[kind](layer, t)
