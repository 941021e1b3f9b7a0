"""Numbers in arguments and recipes, held to their bounds."""

from __future__ import annotations

from dataclasses import fields
from math import inf
from numbers import Integral, Real
from typing import Any

from pellucid.errors import UsageError


def check_number(name: str, value: object, positive: bool = False, below: float = inf) -> None:
    """Refuse what is no finite number of at least 0 (or above 0, if positive) and below the bound (UsageError)."""
    bounds = ("above 0" if positive else "at least 0") + (f" and below {below}" if below < inf else "")
    if not isinstance(value, Real) or not 0 <= float(value) < below or (positive and value == 0):
        raise UsageError(f"{name} must be a number {bounds}, not {value!r}.")


def check_fields(record: Any, positive: set[str], below_1: set[str]) -> None:
    """Hold every field of a dataclass of numbers to its bounds (UsageError)."""
    for field in fields(record):
        name = field.name
        check_number(name, getattr(record, name), name in positive, 1 if name in below_1 else inf)


def check_whole(name: str, value: object, least: int = 1, most: float = inf) -> None:
    """Refuse what is no whole number within the bounds (UsageError)."""
    if not isinstance(value, Integral) or not least <= int(value) <= most:
        bounds = f"at least {least}" if most == inf else f"from {least} to {most}"
        raise UsageError(f"{name} is a whole number, {bounds}; {value!r} came.")
