"""A snapshot: a training at one moment, with all that is needed to go on exactly from there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data.normalization import Normalization
from pellucid.errors import ModelFileError, UsageError

KEYS = ("loss", "accuracy", "validation_loss", "validation_accuracy", "seconds")  # of a history
NUMBERS = (
    "step", "epoch", "position", "seconds", "history", "callbacks", "facts", "settings", "normalization", "stopped",
)  # fmt: skip


@dataclass(frozen=True)
class Snapshot:
    """A training between two steps.

    Every random number comes from the seed, a purpose and a counter (the epoch, the step), so no generator is kept.

    Args:
        theta, state: the network's vectors.
        moments: the optimizer's vectors.
        losses, correct: of each step of this epoch so far; the epoch's means are taken over all of them at once.
        step: steps done in the whole training.
        epoch: the one under way, 1, 2, ...; after the last one it is one more than there are.
        position: steps done in this epoch.
        seconds: of training in this epoch.
        history: of the epochs before.
        callbacks: their states, of values that JSON can say and of arrays.
        facts: what the bits depend on beside the settings: engine, threads, instruction set, versions.
        settings: what must be the same to go on: architecture, optimizer, seed, batch size, number of examples ...
        normalization: of the images.
        stopped: why no more steps shall follow; empty as long as some shall.
    """

    theta: NDArray[Any]
    state: NDArray[Any]
    moments: Sequence[NDArray[Any]]
    losses: NDArray[np.float64]
    correct: NDArray[np.int64]
    step: int
    epoch: int
    position: int
    seconds: float
    history: dict[str, list[float]]
    callbacks: dict[str, dict[str, Any]]
    facts: dict[str, Any]
    settings: dict[str, Any]
    normalization: dict[str, Any]
    stopped: str = ""

    def parts(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """The snapshot as named tensors and as values that JSON can say, as a file keeps them."""
        tensors = {name: getattr(self, name) for name in ("theta", "state", "losses", "correct")}
        tensors |= {f"moments/{number}": moment for number, moment in enumerate(self.moments)}
        numbers = {name: getattr(self, name) for name in NUMBERS}
        numbers["callbacks"] = {name: dict(state) for name, state in self.callbacks.items()}
        for name, state in numbers["callbacks"].items():
            arrays = {key: value for key, value in state.items() if isinstance(value, np.ndarray)}
            tensors |= {f"callbacks/{name}/{key}": state.pop(key) for key in arrays}
        return tensors, numbers

    @classmethod
    def of(cls, tensors: dict[str, NDArray[Any]], about: dict[str, Any]) -> Snapshot:
        """The snapshot that `parts` took apart.

        Raises:
            ModelFileError: something is missing or is not what it should be.
        """
        vectors: dict[str, Any] = dict(tensors)
        moments = [vectors.pop(name) for name in sorted(tensors) if name.startswith("moments/")]
        kept = {tuple(name.split("/", 2)[1:]): vectors.pop(name) for name in tensors if name.startswith("callbacks/")}
        try:
            states = {name: {**state} for name, state in about["callbacks"].items()}
            for (name, key), array in kept.items():
                states[name][key] = array
            snapshot = cls(moments=moments, **vectors, **{**about, "callbacks": states})
            fault = snapshot._fault()
        except (TypeError, AttributeError, LookupError, ValueError) as error:
            fault = str(error)
        if fault:
            raise ModelFileError(f"it does not describe a training of pellucid: {fault[:500]}")
        return snapshot

    def fits(self, settings: dict[str, Any], theta: NDArray[Any], state: NDArray[Any], moments: int) -> None:
        """Refuse to go on with a training that is not the one the snapshot was taken of.

        Raises:
            UsageError: naming what differs.
        """
        for name, value in settings.items():
            if self.settings.get(name) != value:
                raise UsageError(
                    f"The training to go on with has {name} {self.settings.get(name)!r}, but {value!r} came. "
                    "It goes on exactly only with what it began with."
                )
        steps = -(-settings["examples"] // settings["batch_size"])
        vectors = [(self.theta, theta), (self.state, state), *((moment, theta) for moment in self.moments)]
        behind = (self.epoch - 1) * steps + self.position - self.step  # of an epoch that was stopped within
        if (
            any((kept.shape, kept.dtype) != (own.shape, own.dtype) for kept, own in vectors)
            or len(self.moments) != moments
            or self.position > steps
            or not 0 <= behind < (steps if self.stopped and not self.position else 1)
        ):
            raise UsageError("The snapshot contradicts itself: its vectors or counts are not those of its settings.")

    def _fault(self) -> str:
        """What is wrong with it; nothing of a file is trusted."""
        counts = (self.step, self.epoch - 1, self.position)
        if not all(type(count) is int and count >= 0 for count in counts):
            return f"step, epoch and position are {self.step}, {self.epoch}, {self.position}"
        if not _number(self.seconds):
            return f"the seconds are {self.seconds!r}"
        for name in ("callbacks", "facts", "settings", "history"):
            if not isinstance(getattr(self, name), dict):
                return f"{name} is no table"
        if not isinstance(self.stopped, str):
            return f"stopped is {self.stopped!r}"
        if type(self.settings.get("examples")) is not int:
            return "the settings do not say how many examples there are"
        if set(self.history) != set(KEYS):
            return "the history has other keys"
        for key, values in self.history.items():
            lengths = (0, self.epoch - 1) if key.startswith("validation") else (self.epoch - 1,)
            if not isinstance(values, list) or len(values) not in lengths or not all(map(_number, values)):
                return f"the history's {key} is not a list of one number for each epoch"
        for name, dtype in (("losses", "float64"), ("correct", "int64")):
            vector = getattr(self, name)
            if vector.shape != (self.position,) or vector.dtype != dtype:
                return f"{name} is {vector.dtype} of shape {vector.shape}"
        try:
            Normalization(**self.normalization)
        except UsageError as error:
            return str(error)
        return ""


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and isfinite(value)
