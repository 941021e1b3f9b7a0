"""From a network to the plan of a prediction of many examples: forwards only, by the kernels of a training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from pellucid.engine.lowering.builder import PLACES, Builder
from pellucid.engine.lowering.network import gather, reads_images
from pellucid.engine.lowering.rule import RULE
from pellucid.engine.lowering.sequence import row_of, undisturbed
from pellucid.engine.plan import NOWHERE, Operation, Place, Plan
from pellucid.layers import Layer

AT_ONCE = 64  # examples that a thread carries through all layers, as in kernels/predict.c


def lower_many(layers: Sequence[Layer], threads: int) -> Plan:
    """The plan that leaves the logits of many examples: parameters are packed into its arena, and shared.

    Behind them each thread has tensors of its own, for the examples that it carries through all layers.
    """
    layers, abreast = undisturbed(layers), reads_images(layers)
    builder = Builder(layers, np.zeros(1, RULE)[0], AT_ONCE, seed=0, abreast=abreast, training=False)
    plan, parameters = builder.plan, builder.plan.size
    row_of(builder, layers, gather(builder, layers, sparse=False, abreast=abreast))
    builder.begin()
    tensors = plan.size - parameters
    plan.size += (threads - 1) * tensors
    plan.operations = [_by_thread(operation, tensors) for operation in plan.operations]
    return plan


def _by_thread(operation: Operation, tensors: int) -> Operation:
    """The operation on tensors of which each thread has its own, so many numbers apart."""

    def own(place: Place) -> Place:
        first, unit, _, plane, row = place
        return place if place == NOWHERE else (first, unit, tensors, plane, row)

    places: dict[str, Any] = {name: own(getattr(operation, name)) for name in PLACES}
    return replace(operation, **places)
