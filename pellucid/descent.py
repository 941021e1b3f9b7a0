"""A step of the descent: what becomes of a gradient before, in and after the optimizer's formula."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from pellucid.checks import check_number
from pellucid.errors import UsageError
from pellucid.layers import Array, Layer
from pellucid.names import choose
from pellucid.optimizers import Optimizer
from pellucid.workspace import Workspace, slots

OPTIONS = ("l1", "l2", "clip_value", "clip_norm", "max_norm", "layer_rates")  # 0 or nothing: off


@dataclass(frozen=True)
class Descent:
    """An optimizer with its surroundings. In each step, in this order:

        dW ← dW + λ₁ sign W + λ₂ W            the gradient of the penalties λ₁ Σ|w| + ½ λ₂ Σ w²
        g  ← min(max(g, −c), c)               clipped by value
        g  ← g · min(1, c / (‖g‖ + 1e-6))     clipped by the norm over all layers that are trained
        θ  ← the optimizer's formula, each layer at its own learning rate
        w  ← w · min(1, c / ‖w‖)              for each row w of W, the weights into one unit

    Penalties and the last constraint fall on weights W alone: a bias, or the scale and shift of a normalization, makes
    no function steeper. The penalties are not in the loss that is reported.

    Args:
        optimizer: the formula, with its own weight decay on all parameters.
        l1: λ₁; drives weights to 0 (Tibshirani, "Regression shrinkage and selection via the lasso", 1996).
        l2: λ₂; keeps them small (Hoerl, Kennard, "Ridge regression", 1970).
        clip_value: the largest number in a gradient.
        clip_norm: its largest norm (Pascanu, Mikolov, Bengio, "On the difficulty of training recurrent neural
            networks", 2013).
        max_norm: the largest norm of a row (Srivastava, Hinton, et al., "Dropout", 2014).
        layer_rates: factors of the learning rate by the names of layers; 0 freezes a layer.

    Raises:
        UsageError: a number out of range.
    """

    optimizer: Optimizer
    l1: float = 0.0
    l2: float = 0.0
    clip_value: float = 0.0
    clip_norm: float = 0.0
    max_norm: float = 0.0
    layer_rates: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.optimizer, Optimizer):
            raise UsageError(f"optimizer is an optimizer such as pl.SGD(0.1); {self.optimizer!r} came.")
        for name in OPTIONS[:-1]:
            check_number(name, getattr(self, name))
        for name, rate in self.layer_rates.items():
            check_number(f"The learning rate's factor of {name}", rate)

    @property
    def options(self) -> dict[str, Any]:
        """What is asked for beside the optimizer."""
        return {name: value for name in OPTIONS if (value := getattr(self, name))}

    def check(self, layers: Sequence[Layer]) -> None:
        """Refuse rates of layers that have no parameters, or that are not there (UsageError)."""
        for name in self.layer_rates:
            choose("layer with parameters", name, {slot.layer.name: slot for slot in slots(layers, "parameter")})

    def update(self, workspace: Workspace, moments: Sequence[Array], step: int, learning_rate: float) -> None:
        """Step number `step`: theta, moments and the gradient change in place."""
        theta, xp = workspace.theta, workspace.xp
        gradient: Array = workspace.gradient
        parts = groupby(workspace.parameters, lambda slot: self.layer_rates.get(slot.layer.name, 1.0))
        runs = [(rate, list(run)) for rate, run in parts]
        weights = [slot for rate, run in runs for slot in run if rate and slot.tensor.name == "W"]
        if self.l1 or self.l2:
            for slot in weights:
                W, dW = slot.view(theta), slot.view(gradient)
                dW += self.l1 * xp.sign(W) + self.l2 * W
        places = [(rate, slice(run[0].start, run[-1].stop)) for rate, run in runs]
        for rate, run in places:
            if not rate:
                gradient[run] = 0
        if self.clip_value:
            gradient[...] = xp.clip(gradient, -self.clip_value, self.clip_value)
        if self.clip_norm:
            gradient *= xp.minimum(self.clip_norm / (xp.linalg.vector_norm(gradient) + 1e-6), 1.0)
        for rate, run in places:
            if rate:
                memory = [moment[run] for moment in moments]
                self.optimizer.update(theta[run], gradient[run], memory, step, rate * learning_rate)
        if self.max_norm:
            for slot in weights:
                rows = slot.view(theta).reshape(slot.shape[0], -1)
                norms = xp.linalg.vector_norm(rows, axis=1, keepdims=True)
                rows *= self.max_norm / xp.maximum(norms, self.max_norm)
