"""The tensors of a step in the order in which they are computed, with the largest number of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isfinite, isnan
from typing import Literal

from pellucid.layers import Array, Layer
from pellucid.workspace import Workspace, slots

Direction = Literal["forward", "backward", "update"]


@dataclass(frozen=True)
class Size:
    """How large a tensor is.

    Args:
        direction: of the pass that computes it; forward also for what the pass reads: images and parameters.
        layer: dense1; "images" and "loss" stand for what is before the first layer and behind the last.
        tensor: z, dW.
        largest: its largest absolute value; NaN if there is one in it.
    """

    direction: Direction
    layer: str
    tensor: str
    largest: float

    @property
    def name(self) -> str:
        """dense1.z."""
        plain = {"images.x": "images", "loss.losses": "losses", "loss.loss": "loss", "loss.dz": "the loss's dz"}
        return plain.get(f"{self.layer}.{self.tensor}", f"{self.layer}.{self.tensor}")

    @property
    def broken(self) -> bool:
        """Whether there is a NaN or an infinity in it."""
        return not isfinite(self.largest)

    @property
    def words(self) -> str:
        """NaN, infinite, or the largest number."""
        return f"{self.largest:.2g}" if isfinite(self.largest) else "NaN" if isnan(self.largest) else "infinite"


def largest(array: Array) -> float:
    """The largest absolute value; NaN and infinity stay what they are."""
    return max(float(array.max()), -float(array.min())) if array.size else 0.0


def parameters(workspace: Workspace) -> Iterator[Size]:
    """What the forward pass finds in the layers before it begins."""
    for slot in workspace.parameters:
        yield Size("forward", slot.layer.name, slot.tensor.name, largest(slot.view(workspace.theta)))
    for slot in slots(workspace.layers, "state"):
        yield Size("forward", slot.layer.name, slot.tensor.name, largest(slot.view(workspace.state)))


def forward(workspace: Workspace) -> Iterator[Size]:
    """What the last forward pass computed, from the images to the loss."""
    first = workspace.numbers[0]
    yield Size("forward", "images", "x", largest(getattr(first, workspace.layers[0].input)))
    for layer in _inner_first(workspace.layers):
        t = vars(workspace.of[layer.name])
        for tensor in layer.tensors:
            if tensor.role not in ("parameter", "input") and tensor.name in t:
                yield Size("forward", layer.name, tensor.name, largest(t[tensor.name]))
    if "loss" in vars(workspace.loss):
        yield Size("forward", "loss", "losses", largest(workspace.loss.losses))
        yield Size("forward", "loss", "loss", abs(float(workspace.loss.loss)))


def backward(workspace: Workspace) -> Iterator[Size]:
    """What the last backward pass computed, from the loss to the first layer with parameters."""
    yield Size("backward", "loss", "dz", largest(workspace.loss.dz))
    for layer in _inner_first(workspace.layers, back=True):
        t = vars(workspace.of[layer.name])
        for tensor in layer.tensors:
            if tensor.role in ("parameter", "input") and f"d{tensor.name}" in t:
                yield Size("backward", layer.name, f"d{tensor.name}", largest(t[f"d{tensor.name}"]))


def updated(workspace: Workspace, moments: Sequence[Array]) -> Iterator[Size]:
    """What the optimizer left: its moments, and theta."""
    for number, moment in enumerate(moments, 1):
        for slot in workspace.parameters:
            size = largest(slot.view(moment))
            yield Size("update", slot.layer.name, f"{slot.tensor.name}'s moment {number} in the optimizer", size)
    for slot in workspace.parameters:
        yield Size("update", slot.layer.name, slot.tensor.name, largest(slot.view(workspace.theta)))


def _inner_first(layers: Sequence[Layer], back: bool = False) -> Iterator[Layer]:
    """All layers, those inside a block before it, in the order of the pass."""
    for layer in reversed(layers) if back else layers:
        yield from _inner_first(layer.parts, back)
        yield layer
