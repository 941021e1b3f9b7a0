"""Writes a plan, operation by operation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pellucid.engine.plan import PANEL, Matrix, Operation, Plan, Rows, padded
from pellucid.layers import Layer
from pellucid.workspace import slots

Backward = Callable[[Rows, bool], Rows]  # the gradient of a layer's output, whether dx is wanted -> dx


class Builder:
    """Writes a plan, operation by operation."""

    def __init__(
        self,
        layers: Sequence[Layer],
        rule: Any,
        batch_size: int,
        seed: int,
        *,
        sparse: bool = False,
        training: bool = True,
    ) -> None:
        self.seed, self.batch_size, self.rule = seed, batch_size, rule
        self.plan = Plan(batch_size, rule, [])
        self.must_meet = False  # before the next operation
        self.updates: list[Operation] = []  # they come last: every gradient is read before a parameter moves
        for slot in slots(layers, "parameter"):
            if slot.tensor.name == "W":  # b follows it
                outputs, inputs = slot.shape
                panel = PANEL if sparse and slot.layer is layers[0] else padded(outputs)
                matrix = Matrix(slot.layer.name, self.plan.size, slot.start, inputs, outputs, panel)
                self.plan.matrices.append(matrix)
                if training:  # a prediction reads theta itself
                    self.claim(matrix.size)
        self.parameters = self.plan.size
        vectors = [name for name in ("gradient", "first", "second") if rule[name]]
        for name in vectors:
            rule[name] = self.claim(self.parameters)

    def claim(self, floats: int) -> int:
        """So many floats of the arena."""
        place = self.plan.size
        self.plan.size += padded(floats)
        return place

    def rows(self, width: int, spare: bool = False) -> Rows:
        """A new tensor of the batch."""
        return Rows(self.claim(self.batch_size * padded(width)), width, spare)

    def matrix(self, layer: Layer) -> Matrix:
        """Where a layer's parameters lie."""
        return next(matrix for matrix in self.plan.matrices if matrix.layer == layer.name)

    def emit(self, kernel: str, layer: str, shapes: str, arithmetic: int, floats: int, **fields: Any) -> None:
        """The next operation; `arithmetic` and `floats` (read and written) are those of one example."""
        size, meet = self.batch_size, fields.pop("meet", False) or self.must_meet
        self.must_meet = False
        self.plan.operations.append(
            Operation(kernel, layer, shapes, arithmetic * size, 4 * floats * size, meet=meet, **fields)
        )

    def scratch(self, floats: int) -> None:
        """Each thread needs so many floats of scratch."""
        self.plan.scratch = max(self.plan.scratch, padded(floats))
