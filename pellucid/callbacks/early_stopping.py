"""Early stopping: no further than the network gets better on examples that it is not trained on."""

from __future__ import annotations

from typing import Any

from pellucid.callbacks.callback import Callback
from pellucid.callbacks.monitor import Monitor
from pellucid.callbacks.progress import Progress
from pellucid.callbacks.remembered import Weights
from pellucid.checks import check_number, check_whole


class EarlyStopping(Callback):
    """Stops when a figure has not got better for `patience` epochs, and leaves the weights of its best epoch.

    The best weights are left also where all epochs are trained. With averaged weights they are the average as it was
    after that epoch: it stands behind `WeightAveraging` in the list.

    Args:
        monitor: val_loss, val_accuracy, loss or accuracy; losses are better the lower, accuracies the higher.
        patience: epochs without a better value, at least 1.
        min_delta: a value is better by more than this.
        restore_best_weights: False leaves the weights of the last epoch.

    Source: Prechelt, "Early stopping - but when?", 1998.
    """

    def __init__(
        self, monitor: str = "val_loss", *, patience: int, min_delta: float = 0.0, restore_best_weights: bool = True
    ) -> None:
        check_whole("patience", patience)
        check_number("min_delta", min_delta)
        self.monitor, self.patience, self.restore_best_weights = monitor, patience, restore_best_weights
        self.best = Monitor(monitor, min_delta)
        self.weights: Weights | None = None

    def on_epoch_end(self, epoch: int, logs: Progress) -> None:
        if self.best.improves(logs):
            self.weights = Weights.of(logs.validated) if self.restore_best_weights else None
        elif logs.epoch - self.best.epoch >= self.patience and not self.model.stop_training:
            self.model.stop_training = (
                f"early stopping: no better {self.monitor} since epoch {self.best.epoch}{self._left()}"
            )

    def on_train_end(self, logs: Progress) -> None:
        if self.weights:
            self.weights.put(self.model)
            if not self.model.stop_training and self.best.epoch < logs.epoch:
                self.model.stop_training = f"all epochs trained{self._left()}, of the best {self.monitor}"

    def _left(self) -> str:
        return f"; weights of epoch {self.best.epoch}" if self.restore_best_weights else ""

    def state(self) -> dict[str, Any]:
        return self.best.state() | (vars(self.weights) if self.weights else {})

    def restore(self, state: dict[str, Any]) -> None:
        self.best.restore(state)
        self.weights = Weights.restored(state, self.model)
