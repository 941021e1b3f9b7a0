"""Names in recipes, options and architectures: looked up in a table, with the nearest match on a miss."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import TypeVar

from pellucid.errors import UsageError

Value = TypeVar("Value")


def suggest(name: str, known: Iterable[str]) -> str:
    """The nearest known name as a question, then the list of all of them."""
    known = sorted(known)
    alike = [other for other in known if other.lower() == name.lower()]
    near = alike or difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    meant = f"Did you mean {near[0]!r}? " if near else ""
    return f"{meant}Known: {', '.join(known)}."


def choose(kind: str, name: str, table: Mapping[str, Value]) -> Value:
    """The entry of a table under `name`, or a UsageError with the nearest match."""
    if name not in table:
        raise UsageError(f"There is no {kind} called {name!r}. {suggest(name, table)}")
    return table[name]


def split_number(text: str) -> tuple[str, float | None]:
    """A name and the number it carries: 'leaky_relu0.2' -> ('leaky_relu', 0.2), 'tanh' -> ('tanh', None)."""
    match = re.fullmatch(r"([A-Za-z_]+)([0-9.].*)?", text)
    if match is None:
        return text, None
    name, number = match.groups()
    try:
        return name, float(number) if number else None
    except ValueError:
        raise UsageError(f"{number!r} in {text!r} is not a number.") from None


def plain(number: float) -> str:
    """A number as architectures write it: 0.5, 1, and never 1e-05, whose minus would begin the next layer."""
    return f"{Decimal(repr(float(number))):f}".removesuffix(".0")


def assignments(text: str) -> dict[str, float]:
    """Names with their numbers: 'dense1=0.1,dense2=0' -> {'dense1': 0.1, 'dense2': 0.0}."""
    pairs = [item.partition("=")[::2] for item in text.split(",") if item]
    try:
        table = {name.strip(): float(number) for name, number in pairs}
    except ValueError:
        table = {}
    if len(table) < len(pairs):
        raise UsageError(f"{text!r} is not of the form name=number,name=number, with each name once.")
    return table
