"""Which learning rate to begin with: one short training in which it rises from far too small to far too large."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, replace
from math import ceil, inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.callbacks import Callback, Progress
from pellucid.data.dataset import Dataset
from pellucid.errors import NumericError, UsageError
from pellucid.network import Network
from pellucid.optimizers import SGD, Optimizer
from pellucid.training import fit

MEMORY = 0.95  # of the running mean that smooths the losses: it reaches back over about 20 steps
DIVERGED = 2.0  # times the lowest smoothed loss: beyond it the weights run away
SAFETY = 4.0  # the rate with the lowest loss is on the brink of diverging, and of all steps only the last were so long

NOT_OF_A_SEARCH = {  # options of `fit` that the search decides on, or that end a training in another way
    "epochs", "schedule", "validation", "average", "early_stopping", "target_accuracy", "time_limit", "diagnosis",
    "resume",
}  # fmt: skip


@dataclass(frozen=True)
class RateSearch:
    """What a search found.

    Args:
        rates: the learning rate of each step.
        losses: the loss of each step's batch, before it.
        smoothed: their running mean, each weighing 0.95 of the next.
        diverged: whether the loss ran away at the end.
    """

    rates: NDArray[np.float64]
    losses: NDArray[np.float64]
    smoothed: NDArray[np.float64]
    diverged: bool

    @property
    def lowest(self) -> float:
        """The learning rate at which the smoothed loss was lowest."""
        return float(self.rates[self.smoothed.argmin()])

    @property
    def recommended(self) -> float:
        """A quarter of it, with two digits."""
        return float(f"{self.lowest / SAFETY:.1e}")


def find_learning_rate(
    network: Network,
    data: Dataset | NDArray[Any],
    labels: NDArray[Any] | None = None,
    *,
    optimizer: Optimizer | None = None,
    batch_size: int = 32,
    steps: int = 1000,
    low: float = 1e-6,
    high: float = 10.0,
    seed: int = 0,
    callbacks: tuple[Callback, ...] = (),
    **options: Any,
) -> RateSearch:
    """Train a copy of the network while the learning rate rises from `low` to `high`, and see where the loss is lowest.

    In step t of T the rate is low · (high / low)^(t / T). The search ends early where the loss runs away.

    Args:
        network: it stays as it is.
        data: as for `fit`; a part of a large Dataset is enough, drawn by class.
        labels: as for `fit`.
        optimizer: whose learning rate is sought; SGD by default.
        batch_size: examples a step, as the training will have them: larger batches bear larger rates.
        steps: T, about; small data are gone through several times.
        low: the first rate.
        high: the last.
        seed: of the part, the shuffling and what layers draw.
        callbacks: are told of the training.
        options: everything else that `fit` takes, as the training will have it.

    Raises:
        UsageError: rates out of order, or an option that this training has no use for.
        NumericError: the loss is not finite in the first steps already.

    Source: Smith, "Cyclical learning rates for training neural networks", 2017 (the learning rate range test).
    """
    if strangers := sorted(NOT_OF_A_SEARCH & options.keys()):
        raise UsageError(f"A search for a learning rate has no use for {', '.join(strangers)}; leave it out.")
    if not 0 < low < high < inf:
        raise UsageError(f"The learning rates rise from low to high, both above 0; {low} and {high} came.")
    examples = len(data.images) if isinstance(data, Dataset) else len(data)
    if isinstance(data, Dataset) and steps * batch_size < examples:
        _, data = data.split(steps * batch_size / examples, seed)
        examples = len(data)
    epochs = max(1, round(steps / ceil(examples / batch_size)))
    watcher = _Watcher()
    try:
        fit(
            deepcopy(network), data, labels, epochs=epochs, batch_size=batch_size,
            optimizer=replace(optimizer or SGD(), learning_rate=low), seed=seed,
            schedule=f"exponential,factor={(high / low) ** (1 / epochs)}", callbacks=[*callbacks, watcher],
            diagnosis=False, **options,
        )  # fmt: skip
    except NumericError:
        watcher.diverged = True
        if len(watcher.losses) < 2:
            raise
    rates = low * (high / low) ** (np.arange(len(watcher.losses)) / (epochs * ceil(examples / batch_size)))
    return RateSearch(rates, np.array(watcher.losses), np.array(watcher.smoothed), watcher.diverged)


class _Watcher(Callback):
    """Keeps the loss of each step and ends the training when it runs away."""

    def __init__(self) -> None:
        self.losses: list[float] = []
        self.smoothed: list[float] = []
        self.sum, self.lowest, self.diverged = 0.0, inf, False

    def on_chunk_end(self, logs: Progress) -> None:
        """Smooth the losses of the chunk's steps."""
        for loss in logs.losses.tolist():
            self.losses.append(loss)
            self.sum = MEMORY * self.sum + (1 - MEMORY) * loss
            self.smoothed.append(self.sum / (1 - MEMORY ** len(self.losses)))
            self.lowest = min(self.lowest, self.smoothed[-1])
            if self.smoothed[-1] > DIVERGED * self.lowest:
                self.diverged = logs.network.stop_training = True
                return
