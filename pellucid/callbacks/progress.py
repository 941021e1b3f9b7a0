"""What callbacks are told: how far the training is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pellucid.engine.engines import Engine
from pellucid.epoch import Epoch
from pellucid.errors import UsageError
from pellucid.examples import Part
from pellucid.network import Network
from pellucid.snapshot import Snapshot


class Source(Protocol):
    """The training that a progress tells of."""

    engine: Engine
    epoch: Epoch
    held_out: Part | None

    def snapshot(self) -> Snapshot:
        """All of it, copied."""


@dataclass(eq=False)
class Progress(Mapping[str, float]):
    """How far the training is, a new one each time.

    `loss` and `accuracy` are means over the epoch so far, each batch measured before its update. As a mapping it has
    the names of Keras, those that are known at the moment: loss, accuracy, val_loss, val_accuracy, learning_rate.
    """

    network: Network
    epochs: int
    examples: int  # of an epoch
    epoch: int = 0  # 1, 2, ...
    done: int = 0  # examples of this epoch
    step: int = 0  # steps of the whole training, done
    loss: float = 0.0
    accuracy: float = 0.0
    learning_rate: float = 0.0  # of the last step; 0 where none is known
    validation_loss: float | None = None
    validation_accuracy: float | None = None
    seconds: float = 0.0  # of training in this epoch
    total_seconds: float = 0.0  # of training in all epochs
    losses: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))  # of each step of this chunk
    correct: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))  # classified right, of each
    averaged: Network | None = None  # with averaged weights, if those are what is validated
    training: Source | None = field(default=None, repr=False)

    @property
    def validated(self) -> Network:
        """The network whose weights are validated, and are what the training leaves if it ends now."""
        return self.averaged or self.network

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
        return self.source.snapshot()

    @property
    def source(self) -> Source:
        """The training itself (UsageError: there is none)."""
        if self.training is None:
            raise UsageError("A training that runs is needed here; this progress belongs to none.")
        return self.training

    def _known(self) -> dict[str, float]:
        known: dict[str, float | None] = {"val_loss": self.validation_loss, "val_accuracy": self.validation_accuracy}
        if self.done:
            known |= {"loss": self.loss, "accuracy": self.accuracy, "learning_rate": self.learning_rate or None}
        return {name: value for name, value in known.items() if value is not None}

    def __getitem__(self, name: str) -> float:
        return self._known()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._known())

    def __len__(self) -> int:
        return len(self._known())
