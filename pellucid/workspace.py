"""A workspace binds what a pass touches: array library, theta, gradient, state, and a batch's tensors.

All parameters lie in one flat vector theta, layer by layer, each in C order; their gradients lie in a second
vector at the same places, running statistics in a third. `t.W` and the like are views into them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from pellucid.layers import Array, Layer, Numbers, Shape, Tensor, walk
from pellucid.layers.layer import Role


@dataclass(frozen=True)
class Slot:
    """Where one tensor lies in a flat vector: `vector[start:stop].reshape(shape)`."""

    layer: Layer
    tensor: Tensor
    start: int
    shape: Shape

    @property
    def stop(self) -> int:
        return self.start + prod(self.shape)

    @property
    def name(self) -> str:
        """The tensor's name in model files and messages: 'dense1/W'."""
        return f"{self.layer.name}/{self.tensor.name}"

    def view(self, vector: Array) -> Array:
        """The tensor as a view into a flat vector, or into several (n, length) the tensors of all: (n, *shape)."""
        return vector[..., self.start : self.stop].reshape(*vector.shape[:-1], *self.shape)


def slots(layers: Sequence[Layer], role: Role) -> list[Slot]:
    """The places of all tensors of one role ('parameter' or 'state') in their flat vector; layers inside others too."""
    result: list[Slot] = []
    start = 0
    for layer in walk(layers):
        for tensor in layer.tensors:
            if tensor.role == role:
                result.append(Slot(layer, tensor, start, layer.shape_of(tensor)))
                start = result[-1].stop
    return result


def length(places: Sequence[Slot]) -> int:
    """The length of the flat vector that holds these places."""
    return places[-1].stop if places else 0


class Workspace:
    """The numbers of one pass through `layers`, at the parameters theta.

    Args:
        layers: built layers, first to last.
        theta: flat vector of all parameters; its dtype is the pass's dtype.
        gradient: flat vector that the backward pass fills, as long as theta; None where none is wanted.
        state: flat vector of running statistics.
        xp: array library of theta.
    """

    @property
    def input_shape(self) -> Shape:
        """Of the first layer."""
        return self.layers[0].input_shape

    def __init__(
        self, layers: Sequence[Layer], theta: Array,
        gradient: Array | None = None, state: Array | None = None, xp: Any = np,
    ) -> None:  # fmt: skip
        self.layers, self.theta, self.gradient, self.state, self.xp = layers, theta, gradient, state, xp
        self.of = {layer.name: Numbers(layer.name, xp, index) for index, layer in enumerate(walk(layers))}
        self.numbers = [self.of[layer.name] for layer in layers]
        self.loss = Numbers("the loss", xp)
        for layer in walk(layers):
            self.of[layer.name].parts = [self.of[part.name] for part in layer.parts]
        trained = [bool(slots([layer], "parameter")) for layer in layers]
        self.first = trained.index(True) if any(trained) else 0  # where the way back may end
        self.parameters = slots(layers, "parameter")
        self._show("", theta, self.parameters)
        self._show("d", gradient, self.parameters)
        self._show("", state, slots(layers, "state"))

    def _show(self, prefix: str, vector: Array | None, places: Sequence[Slot]) -> None:
        """Let `t.W`, `t.dW` and the like be views of a vector."""
        for slot in places if vector is not None else ():
            setattr(self.of[slot.layer.name], prefix + slot.tensor.name, slot.view(vector))
