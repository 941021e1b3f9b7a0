"""Phase 5: the step, the epoch, and the accuracy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pellucid.glass.check.answers import Answers, array_of
from pellucid.glass.check.child.encoding import decode, encode
from pellucid.glass.check.mistake import Array, Check, Finding, Mistake, close, first_difference, present, recognize
from pellucid.glass.check.phases import epochs, steps
from pellucid.glass.check.phases.networks import BACKWARD, FORWARD, SQUARE, Small, factor_for, facts
from pellucid.glass.check.phases.steps import RATE, first_wrong, judge_step
from pellucid.glass.check.question import failed, pairs

ACCURACY_AXIS = Mistake(
    "accuracy-over-the-wrong-axis",
    "the largest number is looked for in each row, over the examples",
    "A prediction is the class with the largest probability in a column.",
    "`net.forward(X).argmax(axis=0)`.",
)
ACCURACY_NO_CLASSES = Mistake(
    "accuracy-of-no-classes",
    "what the labels are compared with are no classes",
    "`max` gives the largest probability itself, and `argmax` without an axis one place among all the numbers. Neither "
    "is a class for each example, so hardly a label is ever equal to it.",
    "`net.forward(X).argmax(axis=0)`: the row of the largest number in each column.",
)
ACCURACY_COUNT = Mistake(
    "accuracy-not-a-fraction",
    "how many are right, or how many in a hundred, not which fraction",
    "The guide's accuracy lies between 0 and 1, whatever the number of examples.",
    "`(predictions == y).mean()`.",
)
ERROR_RATE = Mistake(
    "error-for-accuracy",
    "the fraction of wrong answers is given",
    "Accuracy is the fraction of right ones.",
    "`(predictions == y).mean()`, with ==.",
)

FEW = SQUARE["relu"], SQUARE["sigmoid"]


def labels_for(small: Small, ending: str = "cross_entropy") -> Array:
    """Labels of which the network, by softmax or sigmoid, gets 3 of 4 right."""
    predictions = small.run(ending).outputs[-1].argmax(axis=0)
    labels = np.asarray(predictions[:4], float)
    labels[1] = (labels[1] + 1) % small.sizes[-1]
    return labels


def _for_accuracy(small: Small) -> dict[str, Any]:
    more = {"kind": "evaluate", "names": ("evaluate", "accuracy"), "y": encode(labels_for(small).astype(np.int64))}
    return small.told(f"evaluate_{small.hidden}", one_hot=True, **more)


TRIALS: tuple[Mapping[str, Any], ...] = (
    *(small.told(f"update_{small.hidden}", backward=True, update=RATE) for small in FEW),
    *epochs.TRIALS,
    *(_for_accuracy(small) for small in FEW),
)


def judge(answers: Answers) -> list[Check]:
    """The checks of the phase."""
    checks = [_update(answers, small) for small in FEW]
    checks = [check for check in checks if check.status != "missing"]  # a method that the specification only sketches
    accuracies = [_accuracy(answers, small) for small in FEW]
    return [*checks, *present(epochs.judge(answers)), *present(accuracies)]


def _update(answers: Answers, small: Small) -> Check:
    name = "update"
    ending, form, factor = facts(answers)
    called = f"{small.made(ending, form)}; net.backward(Y); net.update({RATE})"
    result, other = answers.result(f"update_{small.hidden}", name, called, (*BACKWARD, "NeuralNetwork.update"))
    if other:
        return other
    after = pairs(result.get("updated", []))
    if not after:
        return Check(name, "missing", note=name)
    run = small.run(ending, factor_for(factor, small))
    before = [
        (W, b.reshape(c.shape) if c.size == b.size else b)
        for (W, b), (_, c) in zip(small.parameters, after, strict=True)
    ]
    found = judge_step(run, before, after, None)
    if found is None:
        return Check(name, "passed")
    mistake, came, right = found
    label = first_wrong(came, right)
    what = f"{label} is wrong after one step with learning rate {RATE}."
    slope = run.gradient()[f"{label[:-1]}d{label[-1]}"]
    given = {label: small.given()[label], f"its gradient d{label[-1]}": slope}
    notes = (first_difference(came[label], right[label]),)
    return failed(name, Finding(what, mistake, called, given, {label: came[label]}, {label: right[label]}, notes))


def _accuracy(answers: Answers, small: Small) -> Check:
    name = "evaluate"
    ending, _, _ = facts(answers)
    called = "evaluate(net, X, y)"
    y = labels_for(small)
    result, other = answers.result(f"evaluate_{small.hidden}", name, called, FORWARD)
    if other:
        return other
    output = small.run(ending).outputs[-1]
    came, finding = array_of(result["value"], name, called)
    given = {"net.forward(X)": output, "y": y}
    right = np.asarray((output.argmax(axis=0) == y).mean())
    if came is None:
        assert finding
        return failed(name, Finding(finding.what, finding.mistake, called, given, {}, {"accuracy": right}))
    if came.size == 1:
        came = came.reshape(())
        one_hot = decode(result.get("one_hot"))  # labels of that kind are as good
        if close(came, right) or (one_hot is not None and one_hot.size == 1 and close(one_hot.reshape(()), right)):
            return Check(name, "passed")
    variants = (
        (ACCURACY_COUNT, right * len(y)),
        (ACCURACY_COUNT, right * 100),
        (ERROR_RATE, 1 - right),
        (ACCURACY_AXIS, (output.argmax(axis=1) == y).mean()),
        (ACCURACY_NO_CLASSES, 0.0),
    )
    tensors = tuple((mistake, {"accuracy": np.asarray(value, float)}) for mistake, value in variants)
    mistake = recognize({"accuracy": came}, {"accuracy": right}, tensors)
    notes = (f"argmax of each column: {output.argmax(axis=0)}, so {right.item():.0%} are right",)
    what = "The accuracy of a small network on four examples is not as expected."
    return failed(name, Finding(what, mistake, called, given, {"accuracy": came}, {"accuracy": right}, notes))


MISTAKES = tuple(value for value in vars().values() if isinstance(value, Mistake))
MISTAKES += steps.MISTAKES + epochs.MISTAKES
