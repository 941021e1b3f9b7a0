"""Callbacks: who is told of a training, and of what."""

from __future__ import annotations

from typing import Any

from pellucid.callbacks.progress import Progress
from pellucid.network import Network


class Callback:
    """Watches a training; watching never changes it. Override what is of interest: the names are those of Keras.

    Epochs and batches count from 0, as there; `logs.epoch` and `logs.step` count from 1. `self.model` is the network,
    `self.params` says how many `epochs` there will be and how many `steps` an epoch has. Setting
    `self.model.stop_training` to True, or to the reason in words, ends the training after this batch or epoch: a batch
    is then followed by the end of its epoch, with validation.

    `every`: the hooks of batches are called at every so many steps, counted over the whole training; 0 is never.
    """

    every: int = 1
    model: Network
    params: dict[str, Any]

    def set_model(self, model: Network) -> None:
        """Called before all hooks."""
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        """Called before all hooks."""
        self.params = params

    def on_train_begin(self, logs: Progress) -> None:
        """Called when all arguments are found right, before the first step; also of a resumed training."""

    def on_train_end(self, logs: Progress) -> None:
        """Called when the training is over, however often it was resumed; not when it was interrupted."""

    def on_epoch_begin(self, epoch: int, logs: Progress) -> None:
        """Called before the first step of each epoch."""

    def on_epoch_end(self, epoch: int, logs: Progress) -> None:
        """Called after each epoch, when its validation is known."""

    def on_train_batch_begin(self, batch: int, logs: Progress) -> None:
        """Called before every `every`-th step; `logs` is of the steps before."""

    def on_train_batch_end(self, batch: int, logs: Progress) -> None:
        """Called after every `every`-th step."""

    def on_chunk_end(self, logs: Progress) -> None:
        """Called after each chunk of steps: about ten times a second (with millions of weights down to one),
        or as often as a hook of batches is.
        """

    def on_test_begin(self, logs: Progress) -> None:
        """Called before each validation."""

    def on_test_end(self, logs: Progress) -> None:
        """Called after each validation, which `logs` knows."""

    def steps_until_event(self, step: int) -> int:
        """After how many steps more a chunk shall end at the latest, where `step` are done."""
        return 1

    def state(self) -> dict[str, Any]:
        """What a snapshot should remember of this callback: values that JSON can say, and NumPy arrays."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what `state` gave; called before `on_train_begin`."""
