"""Weight averaging: the mean of many points of the way is often a better network than the last of them."""

from __future__ import annotations

import sys
from copy import deepcopy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.callbacks.callback import Callback
from pellucid.callbacks.progress import Progress
from pellucid.callbacks.remembered import array, count
from pellucid.callbacks.statistics import measure
from pellucid.checks import check_number, check_whole
from pellucid.names import assignments, choose
from pellucid.network import Network

AVERAGES: dict[str, dict[str, float]] = {"ema": {"decay": 0.999}, "last": {"epochs": 5}}


class WeightAveraging(Callback):
    """Leaves, in place of the last weights, an average of those on the way; the training itself does not see it.

        ema     θ̄ ← θ̄ + (1 − d) / (1 − dᵗ) · (θ − θ̄)    after each step t = 1, 2, ...
        last    θ̄ = the mean of the weights at the ends of the last so many epochs, or of those that there were

    The first is the moving average θ̄ ← d θ̄ + (1 − d) θ from θ̄ = 0, divided by 1 − dᵗ as Adam's moments are: weights
    t − i steps back weigh dᵗ⁻ⁱ, and the first do not outweigh the others in a short training.

    Validation is of the averaged weights, and so are early stopping, the best weights, the plateau schedule and
    model files: what is measured is what is left. Statistics of batch normalization are those of the training
    images at the averaged weights (`statistics.measure`). It stands before the callbacks that keep weights.

    Args:
        words: "ema", "ema,decay=0.99", "last" or "last,epochs=3".

    Raises:
        UsageError: an unknown word, or a number out of range.

    Sources: Polyak, Juditsky, "Acceleration of stochastic approximation by averaging", 1992; Izmailov, Podoprikhin,
    Garipov, et al., "Averaging weights leads to wider optima and better generalization", 2018 (SWA: the last epochs).
    """

    def __init__(self, words: str = "ema") -> None:
        self.name, _, rest = words.partition(",")
        defaults = choose("average", self.name, AVERAGES)
        for option in (given := assignments(rest)):
            choose(f"option of the average {self.name}", option, defaults)
        ((self.option, self.value),) = (defaults | given).items()
        if self.name == "ema":
            check_number("decay", self.value, positive=True, below=1)
        else:
            self.value = int(self.value) if self.value == int(self.value) else self.value
            check_whole("epochs", self.value)
        self.points: list[NDArray[Any]] = []  # whose mean is θ̄: for ema it alone
        self.engine: Any = None  # that keeps the moving average, where one can: so steps need not be told of
        self.count = 0  # steps or epochs taken in
        self.network: Network | None = None  # at θ̄, when it was measured last

    def __str__(self) -> str:
        return f"{self.name},{self.option}={self.value}"

    def on_train_begin(self, logs: Progress) -> None:
        engine = logs.source.engine
        if self.name == "ema" and hasattr(engine, "keep_average"):
            point = self.points[0] if self.points else None
            self.engine = engine if engine.keep_average(self.value, point, self.count) else None

    def steps_until_event(self, step: int) -> int:
        return 1 if self.name == "ema" and not self.engine else sys.maxsize

    def on_chunk_end(self, logs: Progress) -> None:
        if self.name == "last":
            return
        self.count += len(logs.losses)
        if not self.engine:
            self._take_in(self.model.theta)

    def _take_in(self, theta: NDArray[Any]) -> None:
        """The moving average after another step, where the engine does not keep it."""
        self.points = self.points or [theta.copy()]
        share = (1 - self.value) / (1 - self.value**self.count)
        self.points[0] += share * (theta - self.points[0])

    def on_test_begin(self, logs: Progress) -> None:
        self._end_epoch(logs)
        logs.averaged = self.average(logs)

    def on_epoch_end(self, epoch: int, logs: Progress) -> None:
        self._end_epoch(logs)  # where there is no validation

    def on_train_end(self, logs: Progress) -> None:
        if self.count:
            average = self.average(logs)
            self.model.theta[...], self.model.state[...] = average.theta, average.state

    def _end_epoch(self, logs: Progress) -> None:
        if self.name == "last" and self.count < logs.epoch:
            self.points = [*self.points, self.model.theta.copy()][-int(self.value) :]
            self.count = logs.epoch

    def average(self, logs: Progress) -> Network:
        """A network at θ̄."""
        self.network = self.network or deepcopy(self.model)
        self.network.theta[...] = np.mean(self._points(), axis=0)
        measure(self.network, logs.source.engine)
        return self.network

    def _points(self) -> list[NDArray[Any]]:
        return [self.engine.average] if self.engine else self.points

    def state(self) -> dict[str, Any]:
        return {"count": self.count, "points": np.stack(self._points())} if self.count else {}

    def restore(self, state: dict[str, Any]) -> None:
        self.count = count(state, "count")
        most, points = 1 if self.name == "ema" else int(self.value), state.get("points")
        rows = min(len(points), most) if isinstance(points, np.ndarray) and points.ndim else most
        theta = self.model.theta
        self.points = list(array(state, "points", (rows, len(theta)), theta.dtype))
