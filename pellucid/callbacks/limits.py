"""What ends a training early: an accuracy that is enough, or the time."""

from __future__ import annotations

from typing import Any

from pellucid.callbacks.callback import Callback
from pellucid.callbacks.progress import Progress
from pellucid.callbacks.remembered import Weights
from pellucid.checks import check_number
from pellucid.errors import UsageError


class TargetAccuracy(Callback):
    """Stops when the validation accuracy reaches a number, and leaves the weights that reached it.

    It stands behind `EarlyStopping` in the list, whose best weights may be those of another epoch.

    Args:
        accuracy: above 0, at most 1.
    """

    monitor = "val_accuracy"

    def __init__(self, accuracy: float) -> None:
        check_number("target_accuracy", accuracy, positive=True)
        if accuracy > 1:
            raise UsageError(f"target_accuracy is a share of 1, such as 0.97; {accuracy!r} came.")
        self.accuracy = accuracy
        self.weights: Weights | None = None  # that reached it

    def on_epoch_end(self, epoch: int, logs: Progress) -> None:
        if logs[self.monitor] >= self.accuracy and not self.weights:
            self.weights = Weights.of(logs.validated)
            reached = f"validation accuracy {logs[self.monitor]:.2%} in epoch {logs.epoch}"
            self.model.stop_training = f"target accuracy: {reached}"

    def on_train_end(self, logs: Progress) -> None:
        if self.weights:
            self.weights.put(self.model)

    def state(self) -> dict[str, Any]:
        return dict(vars(self.weights)) if self.weights else {}

    def restore(self, state: dict[str, Any]) -> None:
        self.weights = Weights.restored(state, self.model)


class TimeLimit(Callback):
    """Stops when so many seconds were trained, after the chunk of steps (about 0.1 s) in which they end.

    The seconds are those of the history: of the steps alone, in all sessions of a training that was resumed.

    Args:
        seconds: above 0.
    """

    def __init__(self, seconds: float) -> None:
        check_number("time_limit", seconds, positive=True)
        self.seconds = seconds

    def on_chunk_end(self, logs: Progress) -> None:
        if logs.total_seconds >= self.seconds and not self.model.stop_training:
            reached = f"{self.seconds:g} s of training in epoch {logs.epoch}"
            self.model.stop_training = f"time limit: {reached}"
