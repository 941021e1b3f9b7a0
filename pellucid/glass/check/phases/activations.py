"""Phase 2: ReLU, sigmoid, their derivatives, softmax, and the loss."""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.glass.check import formulas
from pellucid.glass.check.answers import Answers
from pellucid.glass.check.mistake import Check, Mistake
from pellucid.glass.check.phases import losses
from pellucid.glass.check.question import CHANGES_INPUT, Question

RELU_BELOW_0 = Mistake(
    "relu-not-0-below-0",
    "something else than 0 comes out where z < 0",
    "ReLU lets positive numbers pass, and makes 0 of all others. (What has a small slope there is called leaky ReLU.)",
    "relu(z): `np.maximum(0, z)`.",
)
SLOPE_BELOW_0 = Mistake(
    "relu-derivative-not-0-below-0",
    "the derivative is not 0 where z < 0",
    "Left of 0 ReLU is flat: z may change there as it likes, 0 comes out.",
    "relu_derivative(z) = 1 where z > 0, else 0: `(z > 0).astype(float)`.",
)
SLOPE_SIGN = Mistake(
    "sigmoid-derivative-with-a-wrong-sign",
    "a sign is wrong in s (1 − s)",
    "σ rises everywhere, and is steepest, with ¼, at 0: its slope is never negative and never above ¼.",
    "sigmoid_derivative(z): `s = sigmoid(z)`, then `s * (1 - s)`.",
)
RELU_SLOPE_KEEPS_Z = Mistake(
    "relu-derivative-keeps-z",
    "the derivative of ReLU gives z instead of 1",
    "Where z > 0, ReLU(z) = z is a straight line, and the slope of that line is 1 wherever one stands on it.",
    "relu_derivative(z) = 1 where z > 0, else 0: `(z > 0).astype(float)`.",
)
DERIVATIVE_IS_FUNCTION = Mistake(
    "derivative-is-the-function",
    "the derivative gives σ(z) itself",
    "σ(z) is how much comes out; the derivative is how much more comes out when z grows a little.",
    "sigmoid_derivative(z): `s = sigmoid(z)`, then `s * (1 - s)`.",
)
SLOPE_BRACKETS = Mistake(
    "sigmoid-derivative-without-brackets",
    "s * 1 - s is 0: the brackets around 1 - s are missing",
    "Products are taken before differences, so s * 1 - s is s − s. With a derivative of 0 nothing is ever learned.",
    "sigmoid_derivative(z): `s = sigmoid(z)`, then `s * (1 - s)`.",
)
SIGMOID_SIGN = Mistake(
    "sigmoid-without-minus",
    "the exponent lacks its minus",
    "1 / (1 + e^z) falls where σ rises: large z should give almost 1, and gives almost 0.",
    "σ(z) = 1 / (1 + e^−z): `1 / (1 + np.exp(-z))`.",
)
SIGMOID_OVERFLOW = Mistake(
    "sigmoid-overflows",
    "e^z is too large for a float, and infinity / infinity is NaN",
    "e^z / (1 + e^z) is the same on paper, but e^1000 is infinite in floating point.",
    "Use 1 / (1 + e^−z), where infinity only makes a 0; or clip: `np.exp(-np.clip(z, -500, 500))`.",
)
DERIVATIVE_OF_A = Mistake(
    "derivative-of-z-taken-as-a",
    "z (1 − z) instead of σ(z) (1 − σ(z))",
    "a (1 − a) is right when a = σ(z) is what comes in. Here z comes in.",
    "sigmoid_derivative(z): first `s = sigmoid(z)`, then `s * (1 - s)`.",
)
SIGMOID_TWICE = Mistake(
    "sigmoid-applied-twice",
    "the derivative is taken at σ(z) instead of z",
    "σ'(σ(z)) is the slope at another place: σ is applied once too often.",
    "sigmoid_derivative(z): `s = sigmoid(z)`, then `s * (1 - s)`, with no further sigmoid.",
)
SOFTMAX_ROWS = Mistake(
    "softmax-over-the-wrong-axis",
    "the sum runs along the rows, over the examples, not down the columns, over the classes",
    "An example is a column: its ten scores stand below one another, and those have to sum to 1. If all of your "
    "code keeps examples in rows, axis 1 fits to it; but the guide and this check have them in columns.",
    "`axis=0, keepdims=True`, in the maximum and in the sum.",
)
SOFTMAX_ALL = Mistake(
    "softmax-over-the-whole-batch",
    "all numbers of the batch sum to 1, not those of each column",
    "Without an axis `sum()` adds up the whole matrix, so that examples share one probability.",
    "`exp_z.sum(axis=0, keepdims=True)`.",
)
SOFTMAX_OVERFLOW = Mistake(
    "softmax-without-the-shift",
    "e^1000 is infinite, and infinity / infinity is NaN",
    "Scores grow while a network trains. Softmax does not change when the same number is taken from all scores of a "
    "column, so take the largest one: then no exponent is above 0.",
    "`exp_z = np.exp(z - z.max(axis=0, keepdims=True))`.",
)
SOFTMAX_BATCH_SHIFT = Mistake(
    "softmax-shifted-by-the-whole-batch",
    "the largest score of the whole batch is subtracted, not that of each column",
    "Where one example's scores are far larger than another's, all exponentials of the other become 0, and 0 "
    "/ 0 is NaN.",
    "`z.max(axis=0, keepdims=True)`: a maximum for each column.",
)
SOFTMAX_UNDIVIDED = Mistake(
    "softmax-not-divided",
    "the exponentials are not divided by their sum",
    "They are positive, but only after the division do they sum to 1, as probabilities must.",
    "`exp_z / exp_z.sum(axis=0, keepdims=True)`.",
)
Z = np.array([[-2.0, 0.5, 1.0, -0.3], [3.0, -1.0, 0.2, 2.0], [-0.7, 0.1, -4.0, 1.5]])
SQUARE = np.array([[2.0, 1.0, 0.1, -1.0], [0.5, 0.0, 3.0, 1.0], [-1.0, 2.5, 0.3, 0.2], [1.0, -0.5, 0.7, 2.0]])
LARGE = np.array([[1000.0, 0.0], [999.0, 1.0], [-1000.0, 2.0]])
WHERE_A = ("a", "s", "output", "activation", "activated", "sigmoid_output")


def _exp_over(axis: int | None, keepdims: bool = True) -> Any:
    return lambda z: np.exp(z) / np.exp(z).sum(axis=axis, keepdims=keepdims)


SOFTMAX = (
    (SOFTMAX_ROWS, _exp_over(1)),
    (SOFTMAX_ROWS, _exp_over(1, keepdims=False)),
    (SOFTMAX_ROWS, lambda z: _exp_over(1)(z - z.max(axis=0))),
    (SOFTMAX_ROWS, lambda z: _exp_over(1, keepdims=False)(z - z.max(axis=0))),
    (SOFTMAX_ALL, _exp_over(None)),
    (SOFTMAX_ALL, lambda z: _exp_over(None)(z - z.max(axis=0))),
    (SOFTMAX_UNDIVIDED, np.exp),
    (SOFTMAX_UNDIVIDED, lambda z: np.exp(z - z.max(axis=0))),
)
QUESTIONS = (
    Question(
        "relu",
        ("relu",),
        {"z": Z},
        formulas.relu,
        (
            (RELU_BELOW_0, lambda z: z),
            (RELU_BELOW_0, np.abs),
            (RELU_BELOW_0, lambda z: np.minimum(0, z)),
            (RELU_BELOW_0, lambda z: np.where(z > 0, z, 0.01 * z)),
        ),
    ),
    Question(
        "relu_derivative",
        ("relu_derivative", "relu_deriv"),
        {"z": Z},
        formulas.relu_derivative,
        (
            (RELU_SLOPE_KEEPS_Z, formulas.relu),
            (SLOPE_BELOW_0, lambda z: z < 0),
            (SLOPE_BELOW_0, np.sign),
            (SLOPE_BELOW_0, np.ones_like),
            (SLOPE_BELOW_0, lambda z: np.where(z > 0, 1, 0.01)),
        ),
    ),
    Question("sigmoid", ("sigmoid",), {"z": Z}, formulas.sigmoid, ((SIGMOID_SIGN, lambda z: formulas.sigmoid(-z)),)),
    Question(
        "sigmoid_large",
        ("sigmoid",),
        {"z": LARGE},
        formulas.sigmoid,
        ((SIGMOID_OVERFLOW, lambda z: np.exp(z) / (1 + np.exp(z))),),
    ),
    Question(
        "sigmoid_derivative",
        ("sigmoid_derivative", "sigmoid_deriv"),
        {"z": Z},
        formulas.sigmoid_derivative,
        (
            (DERIVATIVE_OF_A, lambda z: z * (1 - z)),
            (SIGMOID_TWICE, lambda z: formulas.sigmoid_derivative(formulas.sigmoid(z))),
            (DERIVATIVE_IS_FUNCTION, formulas.sigmoid),
            (SLOPE_BRACKETS, np.zeros_like),
            (SLOPE_SIGN, lambda z: -formulas.sigmoid_derivative(z)),
            (SLOPE_SIGN, lambda z: formulas.sigmoid(z) * (1 + formulas.sigmoid(z))),
        ),
        also=dict.fromkeys(WHERE_A, lambda a: a * (1 - a)),
    ),
    Question("softmax", ("softmax",), {"z": SQUARE}, formulas.softmax, SOFTMAX),
    Question("softmax_rectangular", ("softmax",), {"z": Z}, formulas.softmax, SOFTMAX),
    Question(
        "softmax_large",
        ("softmax",),
        {"z": LARGE},
        formulas.softmax,
        ((SOFTMAX_OVERFLOW, _exp_over(0)), (SOFTMAX_BATCH_SHIFT, lambda z: _exp_over(0)(z - z.max()))),
    ),
)
TRIALS = tuple(question.told() for question in (*QUESTIONS, *losses.QUESTIONS, *losses.SURE_TRIALS))


def judge(answers: Answers) -> list[Check]:
    """The checks of the phase."""
    ending = answers.told.get("import", {}).get("result", {}).get("ending", "cross_entropy")
    checks = [question.check(answers) for question in QUESTIONS]
    if ending != "cross_entropy":  # its outputs are sigmoids
        checks = [check for check in checks if check.name != "softmax" or check.status != "missing"]
    return checks + losses.judge(answers)


MISTAKES = tuple(value for value in vars().values() if isinstance(value, Mistake) and value is not CHANGES_INPUT)
MISTAKES += losses.MISTAKES
