"""A question: a function is called with small numbers, its answer held to the right one and to those of mistakes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pellucid.glass.check.answers import Answers, array_of
from pellucid.glass.check.child.encoding import decode, encode
from pellucid.glass.check.mistake import Array, Check, Finding, Mistake, Variants, close, first_difference, recognize

CHANGES_INPUT = Mistake(
    "input-changed-in-place",
    "the function changes the array that it is given",
    "NumPy arrays are handed over without a copy: `z[z < 0] = 0` or `z -= z.max()` also changes the caller's z, which "
    "the backward pass still needs.",
    "Compute a new array: `np.maximum(0, z)`, `z = z - z.max(...)`, or begin with `z = z.copy()`.",
)

Formula = Callable[..., Any]  # of the values, in their order


@dataclass(frozen=True)
class Question:
    """What a function is asked.

    Args:
        trial: its name among the trials.
        names: under which the function is looked for; the first is the specification's.
        values: the arguments by role, in the specification's order.
        right: the formula.
        variants: mistakes, with what they would compute.
        accepted: other conventions, which are right too.
        accepts: whether an answer is right all the same, where no formula says it.
        also: by a parameter's name, the formula that it stands for: {"a": formula} where the argument is a and not z.
    """

    trial: str
    names: tuple[str, ...]
    values: Mapping[str, Any]
    right: Formula
    variants: Sequence[tuple[Mistake, Formula]] = ()
    accepted: Sequence[Formula] = ()
    accepts: Callable[[Array], bool] = lambda came: False
    also: Mapping[str, Formula] = field(default_factory=dict)

    @property
    def called(self) -> str:
        """The call as one would write it."""
        return f"{self.names[0]}({', '.join(self.values)})"

    def told(self) -> dict[str, Any]:
        """The trial, for the child."""
        values = {name: tell(value) for name, value in self.values.items()}
        return {"id": self.trial, "kind": "call", "names": self.names, "values": values}

    def check(self, answers: Answers) -> Check:
        """Whether the answer is right."""
        result, other = answers.result(self.trial, self.names[0], self.called)
        if other:
            if other.finding:
                other = Check(other.name, other.status, with_numbers(other.finding, self.values), other.note)
            return other
        name, line, values = str(result["name"]), result.get("line"), list(self.values.values())
        parameters = [str(parameter).lower() for parameter in result["parameters"]]
        right = self.also[parameters[0]] if parameters and parameters[0] in self.also else self.right
        with np.errstate(all="ignore"):
            expected = np.asarray(right(*values), float)
            others = [np.asarray(formula(*values), float) for formula in self.accepted]
            variants = answers_of(self.variants, name, values)
        called = f"{name}({', '.join(self.values)})" + (f", which begins in line {line}" if line else "")
        came, finding = array_of(result["value"], name, called)
        shown = {"result": expected}
        if finding or came is None:
            assert finding
            return failed(name, Finding(finding.what, finding.mistake, called, self.values, {}, shown))
        if came.size == 1 == expected.size:
            came = came.reshape(expected.shape)
        if result["changed"]:
            what = f"{name} changes its argument {result['changed'][0]}."
            return failed(name, Finding(what, CHANGES_INPUT, called, self.values, {}, shown))
        if any(close(came, one) for one in (expected, *others)) or self.accepts(came):
            return Check(name, "passed")
        mistake = recognize({name: came}, {name: expected}, variants)
        notes = (first_difference(came, expected),)
        what = f"{name} gives other numbers." if came.shape == expected.shape else f"{name} gives another shape."
        return failed(name, Finding(what, mistake, called, self.values, {"result": came}, shown, notes))


def answers_of(variants: Sequence[tuple[Mistake, Formula]], name: str, values: Sequence[Any]) -> Variants:
    """What mistakes make of the values; those whose shapes then do not fit raise an error, and make nothing."""
    told = []
    for mistake, formula in variants:
        with contextlib.suppress(ValueError):
            told.append((mistake, {name: np.asarray(formula(*values), float)}))
    return tuple(told)


def with_numbers(finding: Finding, values: Mapping[str, Any], right: Mapping[str, Any] | None = None) -> Finding:
    """A finding with the numbers that the call was given."""
    return Finding(
        finding.what, finding.mistake, finding.called, values, finding.came, right or finding.right, finding.notes
    )


def failed(name: str, finding: Finding) -> Check:
    """A check that failed."""
    return Check(name, "failed", finding)


def tell(value: Any) -> Any:
    """A value for the child: an array encoded, anything else as it is."""
    return encode(value) if isinstance(value, np.ndarray) else value


def pairs(told: Any) -> list[tuple[Array, Array]] | None:
    """[(W, b), ...] as the child told them, or None where an array is missing."""
    decoded = [(decode(first), decode(second)) for first, second in told]
    if any(one is None or other is None for one, other in decoded):
        return None
    return [(one, other) for one, other in decoded if one is not None and other is not None]
