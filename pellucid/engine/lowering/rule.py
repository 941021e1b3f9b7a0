"""The descent as the kernels read it: the optimizer with its surroundings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pellucid.descent import Descent
from pellucid.layers import Layer
from pellucid.optimizers import SGD, Adagrad, Adam, AdamW, Lion, Optimizer, RMSProp
from pellucid.workspace import slots

RULE = np.dtype(
    [
        ("kind", "i8"), ("in_product", "i8"), ("gradient", "i8"), ("first", "i8"), ("second", "i8"), ("average", "i8"),
        ("before", "i8"), ("momentum", "f8"), ("beta1", "f8"), ("beta2", "f8"), ("rho", "f8"), ("epsilon", "f8"),
        ("weight_decay", "f8"), ("shrink", "f8"), ("l1", "f8"), ("l2", "f8"), ("clip_value", "f8"), ("clip_norm", "f8"),
        ("max_norm", "f8"), ("decay", "f8"),
    ]
)  # fmt: skip
PLAIN, MOMENTUM, NESTEROV, ADAGRAD, RMSPROP, ADAM, LION = range(7)  # enum optimizer_kind in kernels/plan.h

OPTIMIZERS: dict[type[Optimizer], int] = {
    SGD: PLAIN, Adagrad: ADAGRAD, RMSProp: RMSPROP, Adam: ADAM, AdamW: ADAM, Lion: LION,
}  # fmt: skip


def rule_of(descent: Descent, layers: Sequence[Layer], decay: float = 0.0) -> Any:
    """The descent as the kernels read it, and the decay of the moving average of theta if there is one.

    `gradient`, `first`, `second` and `average` say for now whether there is such.
    """
    optimizer, rule = descent.optimizer, np.zeros(1, RULE)[0]
    rule["kind"] = OPTIMIZERS[type(optimizer)]
    if isinstance(optimizer, SGD) and optimizer.momentum:
        rule["kind"] = NESTEROV if optimizer.nesterov else MOMENTUM
    for name in ("momentum", "beta1", "beta2", "rho", "epsilon"):
        rule[name] = getattr(optimizer, name, 0.0)
    rule["shrink" if optimizer.decoupled else "weight_decay"] = optimizer.weight_decay
    for name in ("l1", "l2", "clip_value", "clip_norm", "max_norm"):
        rule[name] = getattr(descent, name)
    rule["gradient"], rule["first"], rule["second"] = (
        bool(descent.clip_norm),
        optimizer.moments > 0,
        optimizer.moments > 1,
    )
    rule["average"], rule["decay"] = bool(decay), decay
    rates = {descent.layer_rates.get(slot.layer.name, 1.0) for slot in slots(layers, "parameter")}
    rule["in_product"] = (
        rule["kind"] == PLAIN and rates <= {0.0, 1.0} and not (descent.l1 or descent.clip_value or descent.clip_norm)
    )
    return rule
