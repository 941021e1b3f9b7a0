"""Phase 2, the loss: cross-entropy, binary cross-entropy and squared error, and probabilities of exactly 0."""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.glass.check import formulas
from pellucid.glass.check.answers import Answers
from pellucid.glass.check.child.forms import LOSSES
from pellucid.glass.check.mistake import Array, Check, Finding, Mistake, present
from pellucid.glass.check.question import Question, failed

LOSS_SIGN = Mistake(
    "loss-without-minus",
    "the loss lacks its minus",
    "The logarithm of a probability is negative. Without the minus, descent makes right answers less probable.",
    "L = −Σ y log ŷ: `-np.sum(y_true * np.log(y_pred)) / y_true.shape[1]`.",
)
LOSS_SUM = Mistake(
    "loss-summed-over-the-batch",
    "the loss is a sum over the examples, not their mean",
    "A batch twice as large would have twice the loss, and a gradient to match: the learning rate would depend on it.",
    "Divide by the number of examples, `y_true.shape[1]`.",
)
LOSS_CLASSES = Mistake(
    "loss-averaged-over-classes",
    "the number of classes is divided by",
    "A loss is summed over the classes of an example and averaged over the examples. `np.mean` over everything, or "
    "`shape[0]`, divides by the classes too, or instead.",
    "`-np.sum(...) / y_true.shape[1]`: examples are columns, so their number is shape[1].",
)
LOG_OF_ZERO = Mistake(
    "log-of-zero",
    "log 0 is −infinity, and 0 · infinity is NaN",
    "A softmax that is very sure rounds the other probabilities to exactly 0. One such number makes the whole "
    "loss NaN.",
    "`np.log(np.clip(y_pred, 1e-15, 1))`, or `np.log(y_pred + 1e-15)`.",
)
LOSS_CLIPPED = Mistake(
    "loss-clipped-too-far",
    "small probabilities are lifted so far that the loss no longer sees them",
    "The clip is there for an exact 0 alone. Where it begins at 0.01, one chance in a thousand costs no more than one "
    "in a hundred, and the gradient ŷ − y is that of another loss.",
    "`np.clip(y_pred, 1e-15, 1)`.",
)
LOSS_SWAPPED = Mistake(
    "loss-arguments-swapped",
    "the logarithm is taken of the labels, not of the predictions",
    "−Σ ŷ log y: the labels are 0 or 1, so their logarithm is −infinity or 0.",
    "`y_true * np.log(y_pred)`, and the order of the arguments in the call.",
)
LOSS_VECTOR = Mistake(
    "loss-for-each-example",
    "a loss comes for each example, not one for the batch",
    "Descent needs one number to make small: the mean over the batch.",
    "Sum over the classes and the examples, then divide by `y_true.shape[1]`.",
)
LOSS_BASE = Mistake(
    "loss-in-another-base",
    "the logarithm is to base 2 or 10",
    "The gradient ŷ − y belongs to the natural logarithm; another base makes the loss another number times as large.",
    "`np.log`, not `np.log2` or `np.log10`.",
)

P = np.array([[0.7, 0.1, 0.2, 0.25], [0.2, 0.6, 0.3, 0.25], [0.1, 0.3, 0.5, 0.5]])
Y = np.array([[1.0, 0.0, 0.0, 1.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]])
SURE = np.array([[1.0, 0.0], [0.0, 0.4], [0.0, 0.6]])
RARE = np.array([[0.002, 0.5], [0.998, 0.5]])
RARE_Y = np.array([[1.0, 0.0], [0.0, 1.0]])
LIFTS = (0.2, 0.1, 0.05, 0.01, 0.005)
SURE_Y = np.array([[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]])


def _loss(p: Array, y: Array) -> Array:
    return np.asarray(-(y * np.log(p)).sum(axis=0))


def _clipped(formula: Any) -> Any:
    return lambda p, y: formula(np.clip(p, 1e-15, 1 - 1e-15), np.clip(y, 1e-15, 1 - 1e-15))


CROSS_ENTROPY = (
    (LOSS_SIGN, lambda p, y: -_loss(p, y).mean()),
    (LOSS_SUM, lambda p, y: _loss(p, y).sum()),
    (LOSS_CLASSES, lambda p, y: _loss(p, y).sum() / y.size),
    (LOSS_CLASSES, lambda p, y: _loss(p, y).sum() / y.shape[0]),
    (LOSS_VECTOR, _loss),
    (LOSS_VECTOR, lambda p, y: _loss(p, y)[None]),
    (LOSS_BASE, lambda p, y: _loss(p, y).mean() / np.log(2)),
    (LOSS_BASE, lambda p, y: _loss(p, y).mean() / np.log(10)),
    *((LOSS_CLIPPED, lambda p, y, least=least: _loss(p + least, y).mean()) for least in LIFTS),
    (LOSS_SWAPPED, lambda p, y: -(p * np.log(y)).sum() / y.shape[1]),
    (LOSS_SWAPPED, _clipped(lambda p, y: -(p * np.log(y)).sum() / y.shape[1])),
)
QUESTIONS = (
    Question(
        "cross_entropy", LOSSES["cross_entropy"], {"y_pred": P, "y_true": Y}, formulas.cross_entropy, CROSS_ENTROPY
    ),
    Question(
        "cross_entropy_of_a_small_probability",
        LOSSES["cross_entropy"],
        {"y_pred": RARE, "y_true": RARE_Y},
        formulas.cross_entropy,
        tuple(
            (LOSS_CLIPPED, lambda p, y, lift=lift, least=least: formulas.cross_entropy(lift(p, least), y))
            for lift in (lambda p, least: np.clip(p, least, 1 - least), np.add)
            for least in LIFTS
        ),
        accepts=lambda came: bool(abs(came / formulas.cross_entropy(RARE, RARE_Y) - 1).max(initial=0) < 0.02),  # an ε
    ),
    Question(
        "binary_cross_entropy",
        LOSSES["binary_cross_entropy"],
        {"y_pred": P, "y_true": Y},
        formulas.binary_cross_entropy,
        (
            (LOSS_SIGN, lambda p, y: -formulas.binary_cross_entropy(p, y)),
            (LOSS_SUM, lambda p, y: formulas.binary_cross_entropy(p, y) * y.shape[1]),
        ),
    ),
    Question(
        "squared_error",
        LOSSES["squared_error"],
        {"y_pred": P, "y_true": Y},
        formulas.squared_error,
        ((LOSS_SUM, lambda p, y: ((p - y) ** 2).sum()), (LOSS_VECTOR, lambda p, y: ((p - y) ** 2).sum(axis=0))),
        accepted=(lambda p, y: formulas.squared_error(p, y) / 2, lambda p, y: ((p - y) ** 2).mean()),
    ),
)
SURE_TRIALS = tuple(
    Question(f"{loss}_of_0", LOSSES[loss], {"y_pred": SURE, "y_true": SURE_Y}, formulas.LOSSES[loss])
    for loss in ("cross_entropy", "binary_cross_entropy")
)


def judge(answers: Answers) -> list[Check]:
    """The checks of the losses that are there."""
    return present(
        [question.check(answers) for question in QUESTIONS] + [_of_zero(question, answers) for question in SURE_TRIALS]
    )


def _of_zero(question: Question, answers: Answers) -> Check:
    """The loss of a prediction with an exact 0 and 1 in it is a number; which ε keeps it one is free."""
    check = question.check(answers)
    if check.status != "failed":
        return check
    result, _ = answers.result(question.trial, question.names[0], question.called)
    numbers = result.get("value", {}).get("numbers") if result else None
    if numbers and len(numbers) == 1 and np.isfinite(numbers[0]):
        return Check(check.name, "passed")
    assert check.finding
    mistake = LOG_OF_ZERO if numbers else check.finding.mistake
    what = f"{check.name} of probabilities that are exactly 0 and 1 is no number."
    return failed(
        check.name,
        Finding(what, mistake, check.finding.called, question.values, check.finding.came, check.finding.right),
    )


MISTAKES = tuple(value for value in vars().values() if isinstance(value, Mistake))
