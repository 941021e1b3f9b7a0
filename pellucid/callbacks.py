"""What a training tells while it runs, to whom, and what it remembers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import UsageError
from pellucid.network import Network
from pellucid.notice import Notice
from pellucid.snapshot import KEYS, Snapshot


@dataclass
class History:
    """What each epoch brought: `history.history["loss"]` is a list with one number for each epoch.

    Keys: loss, accuracy, validation_loss, validation_accuracy (empty without validation), seconds.
    `examples` is how many each epoch trained on, `notices` what was noticed in the training.
    """

    examples: int = 0
    notices: list[Notice] = field(default_factory=list)
    history: dict[str, list[float]] = field(default_factory=lambda: {key: [] for key in KEYS})

    def add(self, progress: Progress) -> None:
        """Remember an epoch."""
        for key, values in self.history.items():
            value = getattr(progress, key)
            if value is not None:
                values.append(value)


@dataclass
class Progress:
    """How far the training is; what callbacks are told, a new one each time.

    `loss` and `accuracy` are means over the epoch so far, each batch measured before its update.
    """

    network: Network
    epochs: int
    examples: int  # of an epoch
    epoch: int = 0  # 1, 2, ...
    done: int = 0  # examples of this epoch
    step: int = 0  # steps of the whole training, done
    loss: float = 0.0
    accuracy: float = 0.0
    learning_rate: float = 0.0  # of the last step
    validation_loss: float | None = None
    validation_accuracy: float | None = None
    seconds: float = 0.0  # of training in this epoch
    total_seconds: float = 0.0  # of training in all epochs
    losses: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))  # of each step of this chunk
    correct: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))  # classified right, of each
    taker: Callable[[], Snapshot] | None = field(default=None, repr=False, compare=False)

    @property
    def images_per_second(self) -> float:
        """The speed of this epoch's training."""
        return self.done / self.seconds if self.seconds else 0.0

    @property
    def seconds_left(self) -> float:
        """The time that the rest will take at the speed so far."""
        done = (self.epoch - 1) * self.examples + self.done
        return self.total_seconds * (self.epochs * self.examples - done) / max(done, 1)

    def snapshot(self) -> Snapshot:
        """The training as it is now, from which `fit(..., resume=snapshot)` goes on exactly.

        It is the callback's to call, while it is being told. The states of the callbacks are those at that moment,
        so one that takes snapshots stands last in the list.

        Raises:
            UsageError: this progress is of no training.
        """
        if self.taker is None:
            raise UsageError("A snapshot is taken of a training that runs; this progress belongs to none.")
        return self.taker()


class Callback:
    """Watches a training; watching never changes it. Override what is of interest.

    `every`: `step` is called after every so many steps, counted over the whole training; 0 is never.
    """

    every: int = 1

    def begin(self, progress: Progress) -> None:
        """Called once, when all arguments are found right and before the first step."""

    def step(self, progress: Progress) -> None:
        """Called after every `every`-th step."""

    def chunk(self, progress: Progress) -> None:
        """Called after each chunk of steps: about ten times a second, or as often as somebody's `step` is."""

    def epoch(self, progress: Progress) -> None:
        """Called after each epoch, when its validation is known."""

    def state(self) -> dict[str, Any]:
        """What a snapshot should remember of this callback, in values that JSON can say."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what `state` gave; called before `begin`."""


def events(callbacks: Sequence[Callback]) -> list[int]:
    """After how many steps each callback that overrides `step` wants to be told.

    Raises:
        UsageError: an `every` that is no whole number.
    """
    for callback in callbacks:
        if type(callback.every) is not int or callback.every < 0:
            raise UsageError(
                f"{type(callback).__name__}.every is a whole number of steps, or 0 for never; {callback.every!r} came."
            )
    return [one.every for one in callbacks if one.every and type(one).step is not Callback.step]


def keyed(callbacks: Sequence[Callback]) -> dict[str, Callback]:
    """The callbacks by the names under which a snapshot keeps their states: Plateau, Plateau 2, ..."""
    result: dict[str, Callback] = {}
    for callback in callbacks:
        kind = type(callback).__name__
        number = 1 + sum(type(other).__name__ == kind for other in result.values())
        result[kind if number == 1 else f"{kind} {number}"] = callback
    return result
