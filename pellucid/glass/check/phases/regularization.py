"""Phase 7: dropout and weight decay."""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.glass.check.answers import Answers, array_of
from pellucid.glass.check.child.encoding import encode
from pellucid.glass.check.mistake import Array, Check, Finding, Mistake, close
from pellucid.glass.check.question import failed, pairs

UNSCALED_DROPOUT = Mistake(
    "dropout-without-scaling",
    "what is kept is not divided by 1 − rate",
    "With a share `rate` of the neurons gone the next layer gets smaller sums than it will without dropout, "
    "at the test.",
    "`a * mask / (1 - rate)`: the mean then stays what it was.",
)
SCALED_DOWN = Mistake(
    "dropout-scaled-the-wrong-way",
    "what is kept is multiplied by 1 − rate; it should be divided",
    "The loss of some neurons is to be made good, so what is left has to grow.",
    "`a * mask / (1 - rate)`.",
)
KEPT_FOR_DROPPED = Mistake(
    "dropout-rate-turned-round",
    "the share `rate` is kept, not dropped",
    "`random < rate` is true for the share `rate`; that is what has to go.",
    "`mask = np.random.rand(*a.shape) >= rate`.",
)
DROPS_AT_TEST = Mistake(
    "dropout-at-the-test",
    "neurons are dropped with training=False too",
    "A prediction should use the whole network, and give the same answer twice.",
    "`if not training: return a`.",
)
SAME_MASK = Mistake(
    "same-mask-for-all-examples",
    "one mask is used for all examples of the batch",
    "Each example should see a thinned network of its own; that is what makes neurons independent of one another.",
    "Draw the mask in the shape of a: `np.random.rand(*a.shape)`.",
)
DECAYED_BIAS = Mistake(
    "weight-decay-on-the-bias",
    "the L2 term pulls at the biases too",
    "It keeps weights small, so that the function is smooth. A bias only moves the function, and may be as "
    "large as it needs.",
    "Add strength · W to dW, and leave db alone.",
)
L2_FACTOR = Mistake(
    "factor-of-the-l2-term",
    "the penalty and what is added to the gradient do not belong together",
    "The derivative of ½ λ Σ W² is λ W, that of λ Σ W² is 2 λ W.",
    "`0.5 * strength * sum((W**2).sum())` with `dW += strength * W`.",
)
L2_REPLACES = Mistake(
    "l2-term-replaces-the-gradient",
    "the L2 term is written over the gradient, not added to it",
    "Then the network learns nothing but small weights.",
    "`layer.dW += strength * layer.W`, with +=.",
)
L2_SIGN = Mistake(
    "l2-term-subtracted",
    "the L2 term is subtracted from the gradient",
    "Descent subtracts the gradient, so this makes weights grow.",
    "`layer.dW += strength * layer.W`.",
)

STRENGTH, DROPPED = 0.2, 0.3
A = np.ones((40, 100))


def layers(seed: int) -> list[tuple[Array, Array]]:
    """Numbers for W and b of two layers."""
    random = np.random.default_rng(seed)
    return [(random.uniform(-1, 1, (2, 3)).round(1), random.uniform(-1, 1, (2, 1)).round(1)) for _ in range(2)]


def told_layers(table: Any) -> Any:
    """Pairs of arrays, for the child."""
    return [[encode(first), encode(second)] for first, second in table]


LAYERS = layers(8)


def _dropout(trial: str, training: bool) -> dict[str, Any]:
    values = {"a": encode(A), "dropped": DROPPED, "training": training}
    instead = {"kept": ["dropped", 1 - DROPPED]}  # dropout(a, keep_prob)
    return {"id": trial, "kind": "call", "names": ("dropout",), "values": values, "instead": instead}


TRIALS = (
    _dropout("dropout", True),
    _dropout("dropout_test", False),
    {"id": "penalty", "kind": "penalty", "parameters": told_layers(LAYERS), "strength": STRENGTH},
)


def judge(answers: Answers) -> list[Check]:
    """The checks of dropout and weight decay."""
    return [_dropout_check(answers), _penalty(answers)]


def _dropout_check(answers: Answers) -> Check:
    name, called = "dropout", f"dropout(a, rate={DROPPED}, training=True), with a of {A.shape}, all ones"
    arrays = []
    for trial in ("dropout", "dropout_test"):
        result, other = answers.result(trial, name, called)
        if other:
            return other
        told = result["value"]
        told = told["items"][0] if told.get("items") else told  # (a, mask)
        array, finding = array_of(told, name, called)
        if array is None or array.shape != A.shape:
            what = f"dropout gives the shape {None if array is None else array.shape}, where {A.shape} went in."
            return failed(name, finding or Finding(what, None, called))
        arrays.append(array)
    trained, tested = arrays
    zeros, kept = float((trained == 0).mean()), float(np.median(trained[trained != 0]) if trained.any() else 0)
    came = {"zeros": f"{zeros:.0%}", "what is kept": f"{kept:.4g}", "with training=False": tested[:1, :4]}
    right = {"zeros": f"about {DROPPED:.0%}", "what is kept": f"1 / (1 - {DROPPED}) = {1 / (1 - DROPPED):.4g}"}

    def found(what: str, mistake: Mistake | None) -> Check:
        return failed(name, Finding(what, mistake, called, {}, came, right))

    if (tested == 0).any():
        return found("With training=False numbers are dropped.", DROPS_AT_TEST)
    if abs(zeros - (1 - DROPPED)) < 0.05:
        return found(f"{zeros:.0%} of the numbers are dropped.", KEPT_FOR_DROPPED)
    if not np.ptp(trained, axis=1).any() or not np.ptp(trained, axis=0).any():
        return found("All examples have the same mask.", SAME_MASK)
    if abs(zeros - DROPPED) > 0.05:
        return found(f"{zeros:.0%} of the numbers are dropped.", None)
    if abs(kept - 1) < 1e-6:
        if close(tested, (1 - DROPPED) * A):  # scaled at the test instead, as in the paper of 2014
            return Check(name, "passed")
        return found("What is kept is not made larger.", UNSCALED_DROPOUT)
    if abs(kept - (1 - DROPPED)) < 1e-6:
        return found("What is kept is made smaller.", SCALED_DOWN)
    if abs(kept - 1 / (1 - DROPPED)) > 1e-4:
        return found("What is kept is scaled by another number.", None)
    if not close(tested, A):
        return found("With training=False the numbers are changed.", None)
    return Check(name, "passed")


def _penalty(answers: Answers) -> Check:
    name, called = "l2_penalty", f"l2_penalty(layers, {STRENGTH}); add_l2_gradient(layers, {STRENGTH})"
    result, other = answers.result("penalty", name, called, ("add_l2_gradient",))
    if other:
        return other
    term, finding = array_of(result["term"], name, called)
    gradients = pairs(result["gradient"])
    if term is None or gradients is None or term.size != 1:
        return failed(name, finding or Finding("The penalty should be one number.", None, called))
    squares = sum(float((W**2).sum()) for W, _ in LAYERS)
    biases = sum(float((b**2).sum()) for _, b in LAYERS)
    value, (W, _), (dW, db) = term.item(), LAYERS[0], gradients[0]
    ratio = 2.0 if close(np.asarray(value), np.asarray(STRENGTH * squares)) else 1.0
    right = {"penalty": np.asarray(ratio / 2 * STRENGTH * squares), "layers[0].dW": 0.5 + ratio * STRENGTH * W}
    came = {"penalty": np.asarray(value), "layers[0].dW": dW}
    given = {"layers[0].W": W, "layers[0].dW before": np.full_like(W, 0.5)}

    def found(what: str, mistake: Mistake | None) -> Check:
        return failed(name, Finding(what, mistake, called, given, came, right))

    if not close(db, np.full_like(db, 0.5)):
        return found("add_l2_gradient changes db.", DECAYED_BIAS)
    if any(close(np.asarray(value), np.asarray(half * STRENGTH * (squares + biases))) for half in (0.5, 1)):
        return found("The penalty counts the biases.", DECAYED_BIAS)
    if close(dW, right["layers[0].dW"]) and close(came["penalty"], right["penalty"]):
        return Check(name, "passed")
    variants = (
        (L2_SIGN, -ratio * STRENGTH * W + 0.5),
        (L2_SIGN, -STRENGTH * W + 0.5),
        (L2_REPLACES, STRENGTH * W),
        (L2_REPLACES, 2 * STRENGTH * W),
        (L2_FACTOR, 0.5 + STRENGTH * W),
        (L2_FACTOR, 0.5 + 2 * STRENGTH * W),
        (L2_FACTOR, 0.5 + 0.5 * STRENGTH * W),
    )
    mistake = next((mistake for mistake, gradient in variants if close(dW, gradient)), None)
    return found("The L2 term and its gradient are not as expected.", mistake)


MISTAKES = tuple(value for value in vars().values() if isinstance(value, Mistake))
