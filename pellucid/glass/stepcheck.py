"""The step check: ten steps of a descent, against its formulas worked out number by number.

The gradient check cannot see what becomes of a gradient. So the descent moves a small network with dense layers and a
normalization by ten random gradients, in float64, and the same ten steps are worked out in plain Python
(one_number.py). Each parameter may differ from there by 1e-12 of the largest.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import sqrt

import numpy as np

from pellucid.descent import Descent
from pellucid.glass.one_number import factor, moved
from pellucid.network import Network
from pellucid.randomness import generator
from pellucid.schedules import Schedule
from pellucid.workspace import Slot

ARCHITECTURE = "3-4-BN-2"
EPOCHS, STEPS = 5, 2  # ten steps in all
LOSSES = (1.0, 0.9, 0.95, 0.99, 0.93)  # of validation, which gets no better after the second epoch
TOLERANCE = 1e-12


@dataclass(frozen=True)
class TensorStep:
    """A tensor after one of the steps."""

    name: str
    step: int
    difference: float  # from the formulas
    tolerance: float

    @property
    def passed(self) -> bool:
        """Whether it is where the formulas say."""
        return self.difference <= self.tolerance


@dataclass(frozen=True)
class StepCheck:
    """The check of all tensors in all steps."""

    tensors: list[TensorStep]

    @property
    def passed(self) -> bool:
        """Whether every tensor was right after every step."""
        return all(tensor.passed for tensor in self.tensors)

    @property
    def worst(self) -> TensorStep:
        """The largest difference (NaN is the largest)."""
        return max(self.tensors, key=lambda tensor: np.nan_to_num(tensor.difference / tensor.tolerance, nan=np.inf))

    @property
    def suspect(self) -> TensorStep:
        """The tensor that was wrong first."""
        return next(tensor for tensor in self.tensors if not tensor.passed)


@np.errstate(all="ignore")  # a step to NaN fails its check
def stepcheck(descent: Descent, schedule: Schedule, *, seed: int = 0) -> StepCheck:
    """Check ten steps.

    Args:
        descent: its factors by layer fall on the small network's layers, first to last.
        schedule: of the learning rate, over five epochs of two steps.
        seed: of parameters and gradients.
    """
    network = Network(ARCHITECTURE, dtype="float64", seed=seed)
    given = np.zeros_like(network.theta)
    workspace = network.workspace(network.theta, given)
    if descent.layer_rates:
        names = dict.fromkeys(slot.layer.name for slot in workspace.parameters)
        descent = replace(descent, layer_rates=dict(zip(names, descent.layer_rates.values(), strict=False)))
    rng = generator(seed, "check")
    workspace.theta[...] = rng.normal(size=network.theta.size)
    gradients = rng.normal(size=(EPOCHS * STEPS, network.theta.size))
    moments = [np.zeros_like(network.theta) for _ in range(descent.optimizer.moments)]
    by_hand = ByHand(descent, schedule, workspace.parameters, workspace.theta.tolist())
    tensors = []
    for n, gradient in enumerate(gradients):
        epoch, position = n // STEPS + 1, n % STEPS
        factors = schedule.factors(epoch, STEPS, EPOCHS, LOSSES[: epoch - 1])
        given[...] = gradient
        descent.update(workspace, moments, n + 1, descent.optimizer.learning_rate * factors[position])
        by_hand.step(n, gradient.tolist())
        difference, tolerance = abs(workspace.theta - by_hand.theta), TOLERANCE * max(1, *map(abs, by_hand.theta))
        for slot in workspace.parameters:
            tensors.append(TensorStep(slot.name, n + 1, float(slot.view(difference).max()), tolerance))
    return StepCheck(tensors)


class ByHand:
    """The same descent in lists of Python's numbers."""

    def __init__(self, descent: Descent, schedule: Schedule, slots: list[Slot], theta: list[float]) -> None:
        self.descent, self.schedule, self.slots, self.theta = descent, schedule, slots, theta
        self.gradients: list[list[float]] = [[] for _ in theta]  # of each number, those of all steps so far
        self.places = [(slot, range(slot.start, slot.stop), self.rate(slot)) for slot in slots]

    def rate(self, slot: Slot) -> float:
        """The factor of a tensor's learning rate."""
        return self.descent.layer_rates.get(slot.layer.name, 1.0)

    def step(self, n: int, gradient: list[float]) -> None:
        """Step n, 0 the first."""
        name, options, losses = self.schedule.name, self.schedule.options, LOSSES[: n // STEPS]
        learning_rate = self.descent.optimizer.learning_rate * factor(name, options, n, STEPS, EPOCHS, losses)
        clipped = self.clipped(gradient)
        for _, numbers, rate in self.places:
            for k in numbers if rate else ():
                self.gradients[k].append(clipped[k])
                self.theta[k] = moved(self.descent.optimizer, self.theta[k], self.gradients[k], rate * learning_rate)
        if self.descent.max_norm:
            self.shorten(self.descent.max_norm)

    def clipped(self, gradient: list[float]) -> list[float]:
        """With the penalties' gradient, clipped by value, then by norm; what is frozen has none."""
        descent, result = self.descent, [0.0] * len(gradient)
        for slot, numbers, rate in self.places:
            weight = slot.tensor.name == "W"
            for k in numbers if rate else ():
                sign = (self.theta[k] > 0) - (self.theta[k] < 0)
                g = gradient[k] + weight * (descent.l1 * sign + descent.l2 * self.theta[k])
                result[k] = max(-descent.clip_value, min(descent.clip_value, g)) if descent.clip_value else g
        norm = sqrt(sum(g * g for g in result))
        if descent.clip_norm and descent.clip_norm < norm + 1e-6:
            result = [g * descent.clip_norm / (norm + 1e-6) for g in result]
        return result

    def shorten(self, longest: float) -> None:
        """Rows of trained weights that are too long become as long as they may be."""
        for slot, numbers, rate in self.places:
            if slot.tensor.name != "W" or not rate:
                continue
            inputs = len(numbers) // slot.shape[0]
            for start in numbers[::inputs]:
                row = range(start, start + inputs)
                norm = sqrt(sum(self.theta[k] ** 2 for k in row))
                for k in row:
                    self.theta[k] *= longest / norm if norm > longest else 1
