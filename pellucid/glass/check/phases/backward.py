"""Phase 4: the way back, held to the formulas and to the numerical gradient of the learner's own forward pass."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np

from pellucid.glass.check.answers import Answers, array_of
from pellucid.glass.check.child.encoding import decode, encode
from pellucid.glass.check.formulas import LOSSES, Pass
from pellucid.glass.check.mistake import (
    Array,
    Check,
    Finding,
    Mistake,
    close,
    first_difference,
    present,
    recognize,
    wrong,
)
from pellucid.glass.check.phases import slips
from pellucid.glass.check.phases.networks import BACKWARD, DEEP, OBLONG, SQUARE, Small, factor_for, facts
from pellucid.glass.check.question import CHANGES_INPUT, Question, failed

SHARED_STEP = Mistake(
    "difference-divided-by-one-step",
    "f(w + ε) − f(w − ε) is divided by ε, not by 2 ε",
    "Between w − ε and w + ε lie two steps, so the slope comes out twice as large.",
    "`(f_plus - f_minus) / (2 * epsilon)`.",
)
DIFFERENCE_SIGN = Mistake(
    "difference-the-wrong-way-round",
    "f(w − ε) − f(w + ε)",
    "The slope is how much f grows when w grows: the value further on comes first.",
    "`(f_plus - f_minus) / (2 * epsilon)`.",
)
NOT_RESTORED = Mistake(
    "weight-not-put-back",
    "the weights are other ones after the numerical gradient",
    "Each number is moved to w + ε, then to w − ε. If it stays there, all later differences are taken elsewhere.",
    "After the two calls of f: `W[i, j] += epsilon`, or set the old value again.",
)
ACCUMULATES = Mistake(
    "gradient-piles-up",
    "a second backward pass of the same batch gives a larger gradient",
    "`+=` adds the new gradient to that of the batch before, which belongs to other weights.",
    "`self.dW = ...`, with a plain =.",
)

W = np.array([[0.5, -1.0, 2.0], [1.5, 0.3, -0.7]])
C = np.array([[1.0, 2.0, -1.0], [0.5, -3.0, 1.0]])
NUMERICAL = Question(
    "numerical_gradient",
    ("numerical_gradient",),
    {"f": "lambda: (c * W**2).sum()", "W": W, "c": C},
    lambda f, W, c: 2 * c * W,
    ((SHARED_STEP, lambda f, W, c: 4 * c * W), (DIFFERENCE_SIGN, lambda f, W, c: -2 * c * W)),
)
SIZES = {"square": SQUARE, "deep": DEEP, "oblong": OBLONG}
TRIALS: tuple[Mapping[str, Any], ...] = (
    *(
        small.told(f"backward_{kind}_{hidden}", backward=True, numerical=kind != "deep", again=kind == "square")
        for kind, table in SIZES.items()
        for hidden, small in table.items()
    ),
    {"id": "numerical_gradient", "kind": "numerical_gradient", "W": encode(W), "c": encode(C)},
)


def judge(answers: Answers) -> list[Check]:
    """The checks of the phase."""
    checks = [
        _backward(answers, f"backward_{kind}_{hidden}", small)
        for kind, table in SIZES.items()
        for hidden, small in table.items()
    ]
    return [*present(checks), _numerical(answers)]


def expected(small: Small, ending: str, factor: float, kind: type[Pass] = Pass) -> dict[str, Array]:
    """dW and db by the formulas, or with a mistake; nothing where the shapes then do not fit."""
    try:
        return small.run(ending, factor, kind).gradient()
    except ValueError:
        return {}


def _backward(answers: Answers, trial: str, small: Small) -> Check:
    name = f"backward ({small.hidden}, {len(small.sizes) - 1} layers)"
    ending, form, factor = facts(answers)
    called = small.made(ending, form) + ("; net.backward(Y)" if form == "class" else "; backward_prop(...)")
    result, other = answers.result(trial, name, called, BACKWARD)
    if other:
        return other
    if "gradient" not in result:
        return Check(name, "skipped")
    scale = factor_for(factor, small)
    right = expected(small, ending, scale)
    came: dict[str, Array] = {}
    for k, tensors in enumerate(result["gradient"]):
        for label, told in zip(("dW", "db"), tensors, strict=True):
            array, finding = array_of(told, f"layers[{k}].{label}", called)
            if array is None:
                return failed(name, finding or Finding("", None, called))
            came[f"layers[{k}].{label}"] = array
        if result["shapes"] and len(result["shapes"][k][1]) == 1:  # a bias that is kept as (n,)
            label = f"layers[{k}].db"
            right[label] = right[label].reshape(-1)
    came = {label: came[label] for label in right}
    if result["changed"]:
        what = f"The backward pass changes {result['changed'][0]}."
        return failed(name, Finding(what, CHANGES_INPUT, called, small.given()))
    different = wrong(came, right)
    if different:
        return failed(name, _found(different, came, right, small, ending, scale, called, result))
    return _again(name, result, right, called) or _agrees(name, result, came, ending, scale, called)


def _found(
    different: list[str],
    came: Mapping[str, Array],
    right: Mapping[str, Array],
    small: Small,
    ending: str,
    scale: float,
    called: str,
    result: Mapping[str, Any],
) -> Finding:
    first = different[0]
    notes = [first_difference(came[first], right[first])]
    with np.errstate(all="ignore"):
        candidates = [(mistake, expected(small, ending, scale, line)) for mistake, line in slips.LINES[ending]]
        variants = tuple(
            (mistake, tensors) for mistake, tensors in candidates
            if tensors and set(wrong(tensors, right)) <= set(different)  # it would have spoilt nothing that is right
        )  # fmt: skip
        two = None
        if all(wrong(came, tensors) for _, tensors in variants):
            two = _two(came, small, ending, scale)
    mistake = two[0] if two else recognize(came, right, variants)
    if two:
        notes.insert(0, f"there is a second mistake, {two[1].name}: {two[1].title}")
    if slope := _slope(result, first, ending, scale):
        notes.append(
            f"the numerical gradient: {first}{slope[0]}, when nudged, moves your own loss {slope[1]:.6g} times as much"
        )
    fine = [label for label in right if label not in different]
    if fine:
        notes.append(f"right already: {', '.join(fine)}")
    what = f"{first} is wrong" + (f", and with it {', '.join(different[1:])}." if different[1:] else ".")
    run = small.run(ending, scale)
    run.gradient()
    layer = int(first.split("[")[1].split("]")[0])
    shown = {
        f"on the way, layers[{layer}].z": run.zs[layer],
        f"layers[{layer}].dz": run.dzs[layer],
        first: right[first],
    }
    return Finding(what, mistake, called, small.given(), {first: came[first]}, shown, tuple(notes))


def _two(came: Mapping[str, Array], small: Small, ending: str, scale: float) -> tuple[Mistake, Mistake] | None:
    """The two mistakes that together give these numbers, in the order in which one meets them on the way back."""
    for (one, line), (other, second) in combinations(slips.LINES[ending], 2):
        changes, more = slips.changed_lines(line), slips.changed_lines(second)
        if one is other or set(changes) & set(more):
            continue
        tensors = expected(small, ending, scale, type("Two", (line, second), {}))
        if tensors and not wrong(came, tensors):
            return (one, other) if min(changes) <= min(more) else (other, one)
    return None


def _numbers(result: Mapping[str, Any], label: str, ending: str, scale: float) -> Array | None:
    """The numerical gradient of a tensor, for the loss that the network is for."""
    if "numerical" not in result:
        return None
    k, tensor = int(label.split("[")[1].split("]")[0]), label.endswith("db")
    slopes = decode(result["numerical"][k][tensor][list(LOSSES).index(ending)])
    return None if slopes is None else slopes * (scale if ending == "squared_error" else 1)


def _slope(result: Mapping[str, Any], label: str, ending: str, scale: float) -> tuple[str, float] | None:
    slopes = _numbers(result, label, ending, scale)
    if slopes is None or not slopes.size:
        return None
    at = (0,) * slopes.ndim
    return f"[{', '.join(map(str, at))}]", float(slopes[at])


def _again(name: str, result: Mapping[str, Any], right: Mapping[str, Array], called: str) -> Check | None:
    """A second pass of the same batch leaves the same gradient."""
    for k, tensors in enumerate(result.get("again", ())):
        for label, told in zip(("dW", "db"), tensors, strict=True):
            second, expects = decode(told), right[f"layers[{k}].{label}"]
            if second is not None and not close(second, expects):
                what = f"layers[{k}].{label} is another after a second forward and backward pass of the same batch."
                mistake = ACCUMULATES if close(second, 2 * expects) else None
                shown = {f"layers[{k}].{label}": second}, {f"layers[{k}].{label}": expects}
                return failed(name, Finding(what, mistake, called, {}, *shown))
    return None


def _agrees(
    name: str, result: Mapping[str, Any], came: Mapping[str, Array], ending: str, scale: float, called: str
) -> Check:
    """The gradient is also that of the learner's own forward pass, by differences."""
    for label, gradient in came.items():
        slopes = _numbers(result, label, ending, scale)
        if slopes is None or slopes.size != gradient.size:
            continue
        if not close(gradient.reshape(slopes.shape), slopes, 1e-3):
            what = f"{label} is not the numerical gradient of your own forward pass."
            return failed(name, Finding(what, None, called, {}, {label: gradient}, {label: slopes}))
    return Check(name, "passed")


def _numerical(answers: Answers) -> Check:
    name, called = "numerical_gradient", "numerical_gradient(lambda: (c * W**2).sum(), W)"
    result, other = answers.result(name, name, called)
    if other:
        return other
    values = {"W": W, "c": C}
    came, finding = array_of(result["value"], name, called)
    right = {name: 2 * C * W}
    if came is None:
        assert finding
        return failed(name, finding)
    if not close(came, right[name]):
        variants = tuple((mistake, {name: formula(None, W, C)}) for mistake, formula in NUMERICAL.variants)
        mistake = recognize({name: came}, right, variants)
        if mistake is None and not result["restored"]:
            mistake = NOT_RESTORED
        notes = (first_difference(came, right[name]),)
        what = "The numerical gradient of Σ c W², which is 2 c W, is not as expected."
        return failed(name, Finding(what, mistake, called, values, {name: came}, right, notes))
    if not result["restored"]:
        return failed(name, Finding("W is not what it was before.", NOT_RESTORED, called, values))
    return Check(name, "passed")


MISTAKES = tuple(value for value in vars().values() if isinstance(value, Mistake) and value is not CHANGES_INPUT)
MISTAKES += slips.MISTAKES
