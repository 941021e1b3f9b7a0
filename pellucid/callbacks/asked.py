"""The callbacks that `fit`, recipes and `pellucid train` make of their options."""

from __future__ import annotations

from typing import Any

from pellucid.callbacks.averaging import WeightAveraging
from pellucid.callbacks.callback import Callback
from pellucid.callbacks.early_stopping import EarlyStopping
from pellucid.callbacks.limits import TargetAccuracy, TimeLimit
from pellucid.checks import check_number, check_whole


def asked_for(
    average: str = "", early_stopping: int = 0, target_accuracy: float = 0.0, time_limit: float = 0.0
) -> list[Callback]:
    """Those that are asked for, in their order: later ones decide which weights are left. Empty or 0 asks for none.

    Raises:
        UsageError: a word or number out of range.
    """
    check_whole("early_stopping", early_stopping, 0)
    for name, value in (("target_accuracy", target_accuracy), ("time_limit", time_limit)):
        check_number(name, value)
    callbacks: list[Callback] = []
    if average:
        callbacks.append(WeightAveraging(average))
    if early_stopping:
        callbacks.append(EarlyStopping(patience=early_stopping))
    if target_accuracy:
        callbacks.append(TargetAccuracy(target_accuracy))
    if time_limit:
        callbacks.append(TimeLimit(time_limit))
    return callbacks


def settings(average: str, early_stopping: int, target_accuracy: float, time_limit: float) -> dict[str, Any]:
    """The same options as a snapshot keeps them."""
    return {
        "average": str(WeightAveraging(average)) if average else None,
        "early_stopping": early_stopping or None,
        "target_accuracy": target_accuracy or None,
        "time_limit": time_limit or None,
    }
