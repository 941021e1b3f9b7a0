"""The optimizer as the kernels read it."""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.optimizers import SGD, Adam, AdamW, Optimizer

RULE = np.dtype(
    [
        ("kind", "i8"), ("gradient", "i8"), ("first", "i8"), ("second", "i8"), ("momentum", "f8"), ("beta1", "f8"),
        ("beta2", "f8"), ("epsilon", "f8"), ("weight_decay", "f8"), ("shrink", "f8"), ("clip_norm", "f8"),
    ]
)  # fmt: skip
PLAIN, MOMENTUM, NESTEROV, ADAM = range(4)  # enum optimizer_kind in kernels/plan.h


OPTIMIZERS: dict[type[Optimizer], int] = {SGD: PLAIN, Adam: ADAM, AdamW: ADAM}


def rule_of(optimizer: Optimizer, clip_norm: float | None) -> Any:
    """The optimizer as the kernels read it; `gradient`, `first` and `second` say for now whether there is such."""
    rule = np.zeros(1, RULE)[0]
    rule["clip_norm"] = clip_norm or 0
    rule["gradient"], rule["first"], rule["second"] = bool(clip_norm), optimizer.moments > 0, optimizer.moments > 1
    rule["kind"] = OPTIMIZERS[type(optimizer)]
    rule["shrink" if isinstance(optimizer, AdamW) else "weight_decay"] = optimizer.weight_decay
    if isinstance(optimizer, Adam):
        rule["beta1"], rule["beta2"], rule["epsilon"] = optimizer.beta1, optimizer.beta2, optimizer.epsilon
    elif isinstance(optimizer, SGD) and optimizer.momentum:
        rule["kind"] = NESTEROV if optimizer.nesterov else MOMENTUM
        rule["momentum"] = optimizer.momentum
    return rule
