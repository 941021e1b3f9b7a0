"""Mistakes that people make when they write their first network, each with a name, and what is told of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Tensors = Mapping[str, Array]  # what was computed, by name, in the order in which it is judged


@dataclass(frozen=True)
class Mistake:
    """A mistake that is recognized.

    Args:
        name: by which it goes.
        title: what was done, in a few words.
        why: what is wrong with that.
        remedy: the line to look at.
    """

    name: str
    title: str
    why: str
    remedy: str


@dataclass(frozen=True)
class Finding:
    """The first thing that is wrong in a phase.

    Args:
        what: is wrong, in a sentence.
        mistake: the one that was recognized, if any.
        called: the call, as the learner would write it.
        given: the numbers that it was given.
        came: what came, by name; a word where it was no array.
        right: what a right result is for the same numbers.
        notes: further lines: the first number that differs, the learner's own lines, what was printed.
    """

    what: str
    mistake: Mistake | None = None
    called: str = ""
    given: Mapping[str, Any] = field(default_factory=dict)
    came: Mapping[str, Any] = field(default_factory=dict)
    right: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Check:
    """An assertion on the learner's code: passed, failed, missing (not there yet) or skipped (cannot be run here)."""

    name: str
    status: str
    finding: Finding | None = None
    note: str = ""


def present(checks: Sequence[Check]) -> list[Check]:
    """Of checks of which one is enough, those that are there; if none is, the first says what is missing."""
    return [check for check in checks if check.status != "missing"] or list(checks[:1])


Variants = tuple[tuple[Mistake, Tensors], ...]
TOLERANCE = 1e-4  # in units of the largest number: float32 and an ε in a logarithm are fine


def close(came: Array, right: Array, tolerance: float = TOLERANCE) -> bool:
    """Whether shapes and numbers agree; NaN agrees with NaN."""
    if came.shape != right.shape:
        return False
    finite = np.abs(right[np.isfinite(right)])
    size = max(float(finite.max(initial=0.0)), 1e-3)
    return bool(np.allclose(came, right, rtol=0, atol=tolerance * size, equal_nan=True))


def wrong(came: Tensors, right: Tensors) -> list[str]:
    """The names of what does not agree, in the order of `right`."""
    return [name for name in right if not close(came[name], right[name])]


def recognize(came: Tensors, right: Tensors, variants: Variants) -> Mistake | None:
    """The mistake whose numbers these are: all of them, or else those of the first tensor that is wrong.

    The second is for a file with two mistakes, the first of which is to be named.
    """
    different = wrong(came, right)
    for mistake, variant in variants:
        if not wrong(came, variant):
            return mistake
    first = different[0]
    for mistake, variant in variants:
        if close(came[first], variant[first]) and not close(variant[first], right[first]):
            return mistake
    return None


def first_difference(came: Array, right: Array) -> str:
    """Where two arrays part, in words."""
    if came.shape != right.shape:
        return f"its shape is {came.shape}, where {right.shape} is right"
    if not came.shape:
        return f"{came.item():.6g} came, {right.item():.6g} is right"
    size = max(float(np.abs(right).max(initial=0.0)), 1e-3)
    apart = ~np.isclose(came, right, rtol=0, atol=TOLERANCE * size)
    at = tuple(int(i) for i in np.argwhere(apart)[0])
    where = f"{int(apart.sum())} of {apart.size} numbers differ" if apart.size > 1 else "it differs"
    return f"{where}, the first at [{', '.join(map(str, at))}]: {came[at]:.6g} came, {right[at]:.6g} is right"
