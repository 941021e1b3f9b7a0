"""One weight's gradient three ways: by the chain rule, by a difference of two losses, and by what a nudge does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pellucid.glass.gradcheck import STEP, Probe, central_difference
from pellucid.glass.trace import Trace
from pellucid.randomness import Draws
from pellucid.workspace import slots

NUDGE = 0.01


@dataclass(frozen=True)
class Nudge:
    """What is known of one weight's gradient.

    Args:
        name: "dense1/W[5, 17]".
        analytic: ∂L/∂w by the chain rule.
        numerical: (L(w + h) − L(w − h)) / 2h with h = 1e-5; None where a ReLU or a pooling switches in between.
        nudge: by how much the weight was moved.
        change: what that changed in the loss.
        expected: what the gradient promised of it, gradient times nudge.
    """

    name: str
    analytic: float
    numerical: float | None
    nudge: float
    change: float
    expected: float


def nudge(trace: Trace, name: str, *index: int) -> Nudge:
    """A parameter's number, `name` "dense1/W", nudged in the network of a trace, with all else as it was there."""
    slot = next(slot for slot in slots(trace.network.layers, "parameter") if slot.name == name)
    theta = np.concatenate(
        [trace[slot.name].ravel() for slot in slots(trace.network.layers, "parameter")], dtype=np.float64
    )
    random = Draws(trace.made.seed, step=1) if trace.made.training else None
    first = trace.network.layers[0]
    x, y = trace[f"{first.name}/{first.input}"], trace["loss/y"]
    probe = Probe(trace.network, theta, x, y, random=random, w=trace["loss/w"])
    for kept in slots(trace.network.layers, "state"):  # the network may have been trained since
        kept.view(probe.workspace.state)[...] = trace[kept.name]
    loss, gradients = probe.gradients()
    place = slot.start + int(np.ravel_multi_index(index, slot.shape))
    analytic = float(gradients["theta"][place])
    change = float(probe.loss("theta", place, NUDGE)) - loss
    found = trace.sum(name, *index).name
    return Nudge(found, analytic, central_difference(probe, "theta", place, STEP), NUDGE, change, NUDGE * analytic)
