"""Phase 1: labels as columns with a single 1."""

from __future__ import annotations

import numpy as np

from pellucid.glass.check.answers import Answers
from pellucid.glass.check.mistake import Array, Check, Mistake
from pellucid.glass.check.question import Question

ONE_HOT_TRANSPOSED = Mistake(
    "one-hot-transposed",
    "the labels are (N, 10), an example in each row",
    "The network's outputs are (10, N). ŷ − y then fails, or, with as many examples as classes, is silently wrong.",
    "`Y = np.zeros((10, N)); Y[labels, np.arange(N)] = 1`.",
)
ONE_HOT_SHIFTED = Mistake(
    "one-hot-off-by-one",
    "the 1 stands one row too high or too low",
    "The digit 0 has row 0, since Python counts from 0.",
    "`Y[labels, np.arange(N)] = 1`, without + 1 or - 1.",
)
ONE_HOT_ALL = Mistake(
    "one-hot-fills-whole-rows",
    "whole rows are 1, not one place in each column",
    "`Y[labels] = 1` or `Y[labels, :] = 1` sets all columns of the rows that occur.",
    "Name row and column of each 1: `Y[labels, np.arange(N)] = 1`.",
)
ONE_HOT_ROWS = Mistake(
    "one-hot-as-tall-as-its-labels",
    "there are as many rows as the labels at hand ask for, not one for each class",
    "A batch without a 9 then has nine rows where the network has ten outputs, and ŷ − y fails for that batch alone.",
    "`Y = np.zeros((num_classes, N))`: the number of classes is told, not counted.",
)
NOT_ONE_HOT = Mistake(
    "labels-not-one-hot",
    "the labels are still numbers from 0 to 9",
    "ŷ is a column of ten probabilities, so y must be one too. As a number, a 9 would count as nine times a 1.",
    "One-hot encode them: `Y = np.zeros((10, N)); Y[labels, np.arange(N)] = 1`.",
)

LABELS = np.array([3, 0, 9, 1, 3], float)


def one_hot(labels: Array, classes: int = 10) -> Array:
    """(classes, N): a 1 in each column, in the row of its label."""
    return np.asarray(np.eye(classes)[np.asarray(labels, int)].T)


def _rows_of_ones(labels: Array, classes: int = 10) -> Array:
    rows = np.zeros((classes, len(labels)))
    rows[np.asarray(labels, int)] = 1
    return rows


ONE_HOT = Question(
    "one_hot",
    ("one_hot", "one_hot_encode", "to_one_hot"),
    {"labels": LABELS.astype(np.int64), "classes": 10},
    one_hot,
    (
        (ONE_HOT_TRANSPOSED, lambda labels, classes: one_hot(labels).T),
        (ONE_HOT_SHIFTED, lambda labels, classes: np.roll(one_hot(labels), -1, axis=0)),
        (ONE_HOT_SHIFTED, lambda labels, classes: np.roll(one_hot(labels), 1, axis=0)),
        (ONE_HOT_ALL, _rows_of_ones),
        (NOT_ONE_HOT, lambda labels, classes: labels),
    ),
)
ONE_HOT_OF_FEW = Question(
    "one_hot_of_few",
    ONE_HOT.names,
    {"labels": np.array([1, 0, 2, 1]), "classes": 10},
    one_hot,
    ((ONE_HOT_ROWS, lambda labels, classes: one_hot(labels, 3)),),
)

QUESTIONS = (ONE_HOT, ONE_HOT_OF_FEW)


def judge(answers: Answers) -> list[Check]:
    """The checks of the encoding; a function that is told the labels alone can but count the classes."""
    result, _ = answers.result(ONE_HOT_OF_FEW.trial, ONE_HOT.names[0], ONE_HOT.called)
    told = len(result.get("parameters", ())) > 1
    return [question.check(answers) for question in (QUESTIONS if told else QUESTIONS[:1])]


MISTAKES = tuple(value for value in vars().values() if isinstance(value, Mistake))
