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

from pellucid.layers import Array, Layer, Numbers, Shape, Tensor
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
        """The tensor as a view into a flat vector."""
        return vector[self.start : self.stop].reshape(self.shape)


def slots(layers: Sequence[Layer], role: Role) -> list[Slot]:
    """The places of all tensors of one role ('parameter' or 'state') in their flat vector."""
    result: list[Slot] = []
    start = 0
    for layer in layers:
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

    def __init__(
        self,
        layers: Sequence[Layer],
        theta: Array,
        gradient: Array | None = None,
        state: Array | None = None,
        xp: Any = np,
    ) -> None:
        self.layers, self.theta, self.gradient, self.state, self.xp = layers, theta, gradient, state, xp
        self.numbers = [Numbers(layer.name, xp) for layer in layers]
        self.loss = Numbers("the loss", xp)
        self.parameters = slots(layers, "parameter")
        self.first = layers.index(self.parameters[0].layer) if self.parameters else 0  # where the way back may end
        of = dict(zip((layer.name for layer in layers), self.numbers, strict=True))
        for slot in self.parameters:
            setattr(of[slot.layer.name], slot.tensor.name, slot.view(theta))
            if gradient is not None:
                setattr(of[slot.layer.name], "d" + slot.tensor.name, slot.view(gradient))
        for slot in slots(layers, "state") if state is not None else ():
            setattr(of[slot.layer.name], slot.tensor.name, slot.view(state))
