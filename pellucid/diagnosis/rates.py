"""A learning rate to try instead."""

from __future__ import annotations

from pellucid.optimizers import Optimizer


def usual(optimizer: Optimizer) -> float:
    """The rate that an optimizer of this kind takes where nobody says."""
    return type(optimizer)().learning_rate  # type: ignore[call-arg]  # every optimizer has one


def lower(optimizer: Optimizer, rate: float) -> float:
    """The usual rate where this one is far above it, or else a tenth."""
    return usual(optimizer) if rate > 5 * usual(optimizer) else _one_figure(rate / 10)


def higher(optimizer: Optimizer, rate: float) -> float:
    """The usual rate where this one is far below it, or else ten times as much."""
    return usual(optimizer) if rate < usual(optimizer) / 5 else _one_figure(10 * rate)


def _one_figure(number: float) -> float:
    return float(f"{number:.1g}")
