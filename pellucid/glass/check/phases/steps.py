"""Phase 5: a step of gradient descent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from pellucid.glass.check.formulas import Pass
from pellucid.glass.check.mistake import Array, Mistake, close, recognize

UPHILL = Mistake(
    "uphill",
    "the gradient is added, not subtracted",
    "The gradient points to where the loss grows fastest. Descent goes the other way.",
    "`layer.W -= learning_rate * layer.dW`.",
)
NO_RATE = Mistake(
    "learning-rate-forgotten",
    "the whole gradient is subtracted, without the learning rate",
    "Such a step overshoots, and changing the learning rate changes nothing.",
    "`layer.W -= learning_rate * layer.dW`.",
)
RATE_BY_BATCH = Mistake(
    "step-divided-by-the-batch",
    "the step is divided by the batch size, although the gradient is a mean already",
    "The learning rate is then B times smaller than it says, and training B times slower.",
    "`layer.W -= learning_rate * layer.dW`; the 1/B stands in `backward`.",
)
BIAS_STANDS = Mistake(
    "bias-not-updated",
    "the weights move, the biases do not",
    "The biases are parameters too, with a gradient of their own.",
    "`layer.b -= learning_rate * layer.db`, in the same loop.",
)
ONE_LAYER = Mistake(
    "not-every-layer-updated",
    "only one layer is updated",
    "The others keep the random numbers with which they began.",
    "`for layer in net.layers:` around both lines of the update.",
)
NOTHING_MOVES = Mistake(
    "nothing-updated",
    "no parameter changes",
    "`W = W - ...` gives a new array to a local name; the layer keeps the old one.",
    "`layer.W -= learning_rate * layer.dW`, which changes the layer's own array, or `layer.W = layer.W - ...`.",
)
STALE = Mistake(
    "updated-before-the-backward-pass",
    "the step is taken with the gradient of the batch before",
    "The update stands above the backward pass, so it uses what the last batch left.",
    "The order is: forward, loss, backward, update.",
)
RATE = 0.5
Move = Callable[[Array, Array, int, int], Array]  # parameter, gradient, layer, whether it is a bias
MOVES: tuple[tuple[Mistake, Move], ...] = (
    (UPHILL, lambda p, g, k, bias: p + RATE * g),
    (NO_RATE, lambda p, g, k, bias: p - g),
    (BIAS_STANDS, lambda p, g, k, bias: p if bias else p - RATE * g),
    (ONE_LAYER, lambda p, g, k, bias: p - RATE * g if k == 1 else p),
    (ONE_LAYER, lambda p, g, k, bias: p - RATE * g if k == 0 else p),
    (NOTHING_MOVES, lambda p, g, k, bias: p),
)


def moved(
    run: Pass, gradient: Mapping[str, Array], move: Move, before: Sequence[tuple[Array, Array]]
) -> dict[str, Array]:
    """All parameters after a step."""
    told = {}
    for k, pair in enumerate(before):
        for bias, label in enumerate("Wb"):
            slope = gradient[f"layers[{k}].d{label}"].reshape(pair[bias].shape)
            told[f"layers[{k}].{label}"] = np.asarray(move(pair[bias], slope, k, bias))
    return told


def judge_step(
    run: Pass, before: Sequence[tuple[Array, Array]], after: Sequence[tuple[Array, Array]], previous: Pass | None
) -> tuple[Mistake | None, dict[str, Array], dict[str, Array]] | None:
    """What is wrong with a step: (mistake, what came, what is right), or None."""
    gradient = run.gradient()
    right = moved(run, gradient, lambda p, g, k, bias: p - RATE * g, before)
    came = {f"layers[{k}].{label}": pair[n] for k, pair in enumerate(after) for n, label in enumerate("Wb")}
    if all(close(came[label], right[label]) for label in right):
        return None
    moves = (*MOVES, (RATE_BY_BATCH, lambda p, g, k, bias: p - RATE * g / run.B))
    variants = [(mistake, moved(run, gradient, move, before)) for mistake, move in moves]
    if previous:
        stale = moved(run, previous.gradient(), lambda p, g, k, bias: p - RATE * g, before)
        variants.append((STALE, stale))
    return recognize(came, right, tuple(variants)), came, right


def first_wrong(came: Mapping[str, Array], right: Mapping[str, Array]) -> str:
    """The first parameter that is not as expected."""
    return next(label for label in right if not close(came[label], right[label]))


MISTAKES = tuple(value for value in vars().values() if isinstance(value, Mistake))
