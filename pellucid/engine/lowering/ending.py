"""The end of a step: gradients, their norm, updates, and what happens to theta when it has moved."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from pellucid.engine.lowering.builder import Builder
from pellucid.engine.plan import SUMMED, Matrix, Operation, padded


def finish(builder: Builder) -> None:
    """Write what stands at the end of a step; each kernel shares out its own work."""
    builder.plan.operations += builder.updates
    if builder.rule["clip_norm"]:
        _clip(builder)
    if builder.rule["max_norm"]:
        _shorten(builder)
    if builder.rule["average"]:
        count = builder.parameters
        _emit(builder, "average", "optimizer", 3 * count, 3 * count, outputs=count, meet=True)


def _clip(builder: Builder) -> None:
    """The norm of all gradients, then the updates: one for neighbouring layers that learn at the same rate."""
    count = builder.parameters
    sums = (builder.claim(2 * -(-count // SUMMED)), 0, 0, 0, 0)  # of squares, in float64
    _emit(builder, "square_sum", "optimizer", 2 * count, count, y=sums, outputs=count, meet=True)
    meet = True
    for rate, group in groupby(builder.plan.parameters, lambda parameters: builder.rate_of(parameters.layer)):
        if not rate:
            continue
        parts = list(group)
        size = parts[-1].place + parts[-1].size - parts[0].place
        _emit(
            builder, "clipped_update", "optimizer", 6 * size, 3 * size,
            y=sums, w=parts[0].place, inputs=count, outputs=size, number=rate, meet=meet,
        )  # fmt: skip
        meet = False


def _shorten(builder: Builder) -> None:
    """The weights into each unit of what is trained, to the largest norm."""
    meet = True
    for parameters in builder.plan.parameters:
        if not builder.rate_of(parameters.layer):
            continue
        if isinstance(parameters, Matrix):
            for first in range(0, parameters.outputs, parameters.panel):
                units = padded(min(parameters.panel, parameters.outputs - first))
                _emit(
                    builder, "max_norm_columns", parameters.layer, 3 * parameters.inputs * units,
                    3 * parameters.inputs * units, w=parameters.place + first * (parameters.inputs + 1),
                    x=(0, 0, 0, 0, units), inputs=parameters.inputs, outputs=units, meet=meet,
                )  # fmt: skip
                meet = False
        elif parameters.units:
            _emit(
                builder, "max_norm_rows", parameters.layer, 3 * parameters.weights, 3 * parameters.weights,
                w=parameters.place, inputs=parameters.weights // parameters.units, outputs=parameters.units, meet=meet,
            )  # fmt: skip
            meet = False


def _emit(builder: Builder, kernel: str, layer: str, arithmetic: int, floats: int, **fields: Any) -> None:
    """The next operation; `arithmetic` and `floats` are those of a step."""
    shapes = f"{fields['inputs']} -> {fields['outputs']}" if kernel.startswith("max_norm") else f"{fields['outputs']}"
    builder.plan.operations.append(Operation(kernel, layer, shapes, arithmetic, 4 * floats, **fields))
