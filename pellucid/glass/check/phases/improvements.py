"""Phase 7: momentum, and a learning rate that falls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from pellucid.glass.check.answers import Answers, array_of
from pellucid.glass.check.mistake import Array, Check, Finding, Mistake, close, first_difference, recognize
from pellucid.glass.check.phases import regularization
from pellucid.glass.check.phases.regularization import layers, told_layers
from pellucid.glass.check.phases.steps import UPHILL
from pellucid.glass.check.question import failed, pairs

MOMENTUM_SIGN = Mistake(
    "momentum-with-the-wrong-sign",
    "the old velocity is subtracted",
    "Momentum keeps going where it went before. With the sign turned each step undoes part of the last one.",
    "v ← μ v − α g, then W ← W + v.",
)
NO_VELOCITY = Mistake(
    "velocity-forgotten",
    "the velocity begins anew at each step",
    "What is not kept between the updates cannot carry on: this is plain gradient descent.",
    "Keep it in the optimizer: `self.velocities[layer_id]`, made once, and written back.",
)
SHARED_VELOCITY = Mistake(
    "velocity-shared-by-layers",
    "all layers use the same velocity",
    "Each parameter has a velocity of its own.",
    "`self.velocities[layer_id]`, with the layer_id of the call.",
)
NO_BIAS_MOMENTUM = Mistake(
    "bias-left-out-of-the-update",
    "the optimizer moves W and not b",
    "The biases have a gradient and a velocity too.",
    "The same two lines for 'b': v['b'] and layer.b.",
)
RATE_GROWS = Mistake(
    "learning-rate-grows",
    "the learning rate becomes larger with the epochs",
    "Decay is for the end: small steps settle where large ones jump about.",
    "Multiply by a number below 1 to the power of the epoch, or divide by 1 + decay · epoch.",
)
RATE, MOMENTUM = 0.1, 0.9
LAYERS = layers(8)
STEPS = [layers(seed) for seed in (9, 10, 11)]
SCHEDULES = ("learning_schedule", "learning_rate_schedule", "lr_schedule", "decay_learning_rate")
EPOCHS = (0, 1, 5, 19)  # of 20, as in the guide: a rate may well end at 0 after the last
TRIALS: tuple[Mapping[str, Any], ...] = (
    {
        "id": "momentum",
        "kind": "momentum",
        "rate": RATE,
        "momentum": MOMENTUM,
        "parameters": told_layers(LAYERS),
        "steps": [told_layers(step) for step in STEPS],
    },
    *(
        {"id": f"schedule_{epoch}", "kind": "call", "names": SCHEDULES, "values": {"rate": RATE, "epoch": epoch}}
        for epoch in EPOCHS
    ),
    *regularization.TRIALS,
)


def judge(answers: Answers) -> list[Check]:
    """The checks of the phase."""
    return [_momentum(answers), _schedule(answers), *regularization.judge(answers)]


Rule = Callable[[Array, Array], tuple[Array, Array]]  # velocity, gradient -> new velocity, what is added
RULES: dict[str, Rule] = {
    "right": lambda v, g: (MOMENTUM * v - RATE * g, MOMENTUM * v - RATE * g),
    "nesterov": lambda v, g: (MOMENTUM * v - RATE * g, MOMENTUM * (MOMENTUM * v - RATE * g) - RATE * g),
    "average": lambda v, g: (MOMENTUM * v - (1 - MOMENTUM) * RATE * g, MOMENTUM * v - (1 - MOMENTUM) * RATE * g),
    "uphill": lambda v, g: (MOMENTUM * v + RATE * g, MOMENTUM * v + RATE * g),
    "sign": lambda v, g: (-MOMENTUM * v - RATE * g, -MOMENTUM * v - RATE * g),
    "none": lambda v, g: (v, -RATE * g),
}


def moved(rule: Rule, shared: bool = False, bias: bool = True) -> dict[str, Array]:
    """The parameters of both layers after each step."""
    state = [[np.array(W), np.array(b)] for W, b in LAYERS]
    velocities = [[np.zeros_like(W), np.zeros_like(b)] for W, b in state]
    told = {}
    for n, step in enumerate(STEPS, 1):
        for k, gradients in enumerate(step):
            for i, label in enumerate("Wb"):
                store = velocities[0 if shared else k]
                if i == 0 or bias:
                    store[i], change = rule(store[i], gradients[i])
                    state[k][i] = state[k][i] + change
                told[f"layer {k}: {label} after step {n}"] = state[k][i]
    return told


def _momentum(answers: Answers) -> Check:
    name = "MomentumSGD"
    called = f"MomentumSGD({RATE}, {MOMENTUM}).update(layer, layer_id), three times for each of two layers"
    result, other = answers.result("momentum", name, called, ("MomentumSGD.update",))
    if other:
        return other
    came: dict[str, Array] = {}
    for n, step in enumerate(result["steps"], 1):
        for k, pair in enumerate(pairs(step) or []):
            came |= {f"layer {k}: {label} after step {n}": pair[i] for i, label in enumerate("Wb")}
    right = moved(RULES["right"])
    if set(came) != set(right):
        return failed(name, Finding("After the update some parameters are no arrays.", None, called))
    accepted = [right, moved(RULES["nesterov"]), moved(RULES["average"])]
    if any(all(close(came[label], one[label]) for label in right) for one in accepted):
        return Check(name, "passed")
    variants = (
        (MOMENTUM_SIGN, moved(RULES["sign"])),
        (NO_VELOCITY, moved(RULES["none"])),
        (SHARED_VELOCITY, moved(RULES["right"], shared=True)),
        (NO_BIAS_MOMENTUM, moved(RULES["right"], bias=False)),
        (UPHILL, moved(RULES["uphill"])),
    )
    label = next(label for label in right if not close(came[label], right[label]))
    k, tensor = int(label.split()[1].rstrip(":")), label.split()[2]
    given = {f"{tensor} at the beginning": LAYERS[k]["Wb".index(tensor)]}
    given |= {f"d{tensor} in step {n}": step[k]["Wb".index(tensor)] for n, step in enumerate(STEPS, 1)}
    notes = (first_difference(came[label], right[label]),)
    mistake = recognize(came, right, variants)
    shown = {label: came[label]}, {label: right[label]}
    return failed(name, Finding(f"{label} is not as expected.", mistake, called, given, *shown, notes))


def _schedule(answers: Answers) -> Check:
    name = SCHEDULES[0]
    called = f"learning_schedule({RATE}, epoch) for the epochs {', '.join(map(str, EPOCHS))}"
    rates = []
    for epoch in EPOCHS:
        result, other = answers.result(f"schedule_{epoch}", name, called)
        if other:
            return other
        came, finding = array_of(result["value"], name, called)
        if came is None or came.size != 1:
            return failed(name, finding or Finding(f"{name} should give one number.", None, called))
        rates.append(came.item())
    shown = {"learning rates": np.array(rates)}
    right = {"learning rates": "positive, and never larger than before"}
    if any(later > earlier + 1e-12 for earlier, later in pairwise(rates)):
        return failed(name, Finding("The learning rate grows.", RATE_GROWS, called, {}, shown, right))
    if min(rates) <= 0:
        return failed(name, Finding("The learning rate is not positive.", None, called, {}, shown, right))
    return Check(name, "passed")


MISTAKES = tuple(value for value in vars().values() if isinstance(value, Mistake) and value is not UPHILL)
MISTAKES += regularization.MISTAKES
