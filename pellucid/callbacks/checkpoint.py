"""Model files written as a training goes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pellucid.callbacks.callback import Callback
from pellucid.callbacks.monitor import Monitor
from pellucid.callbacks.progress import Progress


class ModelCheckpoint(Callback):
    """Writes the network to a model file after each epoch, or after those that are better than all before.

    The file holds the weights that were validated, so with averaged weights those. It is written atomically, and the
    one before is gone. (It is a model; where a training stands and goes on from is `progress.snapshot()`.)

    Args:
        path: of the file.
        monitor: val_loss, val_accuracy, loss or accuracy.
        save_best_only: leave the file alone where the figure is no better.
    """

    def __init__(self, path: str | Path, monitor: str = "val_loss", save_best_only: bool = False) -> None:
        self.path, self.best = Path(path), Monitor(monitor)
        self.monitor = monitor if save_best_only else ""
        self.save_best_only = save_best_only

    def on_epoch_end(self, epoch: int, logs: Progress) -> None:
        if not self.save_best_only or self.best.improves(logs):
            logs.validated.save(self.path, {"epoch": logs.epoch, **logs})

    def state(self) -> dict[str, Any]:
        return self.best.state()

    def restore(self, state: dict[str, Any]) -> None:
        self.best.restore(state)
