"""A figure that is watched for its best value."""

from __future__ import annotations

from typing import Any

from pellucid.callbacks.progress import Progress
from pellucid.callbacks.remembered import count, number
from pellucid.names import choose

SIGNS = {"loss": -1, "accuracy": 1, "val_loss": -1, "val_accuracy": 1}  # 1: the higher the better


class Monitor:
    """The best value so far of one of loss, accuracy, val_loss, val_accuracy, and its epoch (1, 2, ...; 0: none yet).

    Raises:
        UsageError: an unknown name.
    """

    def __init__(self, name: str, min_delta: float = 0.0) -> None:
        self.name, self.min_delta = name, min_delta
        self.sign = choose("figure to monitor", name, SIGNS)
        self.best, self.epoch = 0.0, 0

    def improves(self, logs: Progress) -> bool:
        """Whether this epoch's value is better than the best by more than min_delta; then it becomes the best."""
        value = logs[self.name]
        better = not self.epoch or self.sign * (value - self.best) > self.min_delta
        if better:
            self.best, self.epoch = value, logs.epoch
        return better

    def state(self) -> dict[str, Any]:
        """What a snapshot should remember."""
        return {"best": self.best, "epoch": self.epoch} if self.epoch else {}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        if state:
            self.best, self.epoch = number(state, "best"), count(state, "epoch")
