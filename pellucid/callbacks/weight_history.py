"""The way of a training: its weights at some thirty moments, evenly spread, for the figures that show it later."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.callbacks.callback import Callback
from pellucid.callbacks.progress import Progress
from pellucid.callbacks.remembered import Weights
from pellucid.errors import ModelFileError
from pellucid.files.sealed import read_sealed, write_sealed
from pellucid.network import Network

FILE = "weights.safetensors"  # of a run folder
MOST = 30  # moments; a figure shows no more
BYTES = 50_000_000  # in all; a larger network has fewer moments
VERSION = "weight history 1"
ABOUT = ("spacing", "epoch_steps", "architecture")


@dataclass(frozen=True)
class WeightHistory:
    """The weights of a network at some moments of its training.

    Args:
        steps: (n,) steps done at each moment, rising; the first is 0, unless what was before is not known.
        theta: (n, P) the parameters.
        state: (n, S) the running statistics.
        spacing: steps between two moments; before the last one there may be fewer.
        epoch_steps: steps of an epoch.
        architecture: of the network.
    """

    steps: NDArray[np.int64]
    theta: NDArray[np.floating]
    state: NDArray[np.floating]
    spacing: int
    epoch_steps: int
    architecture: str

    def __len__(self) -> int:
        return len(self.steps)

    @property
    def epochs(self) -> NDArray[np.float64]:
        """The moments in epochs."""
        return np.asarray(self.steps / self.epoch_steps)

    @property
    def begins(self) -> bool:
        """Whether the weights before the first step are known."""
        return bool(self.steps[0] == 0)

    def write(self, path: Path) -> None:
        """Write it to a sealed safetensors file, atomically."""
        tensors = {"steps": self.steps, "theta": self.theta, "state": self.state}
        write_sealed(path, tensors, {name: getattr(self, name) for name in ABOUT}, VERSION)

    @classmethod
    def read(cls, path: Path, network: Network) -> WeightHistory:
        """The history in a file, of a training of this network.

        Raises:
            ModelFileError: no such file, damaged, or of another network.
        """
        tensors, about, sealed = read_sealed(path, "weight history", ABOUT, VERSION)
        found = {name: (tensor.dtype, tensor.shape) for name, tensor in tensors.items()}
        n = len(tensors["steps"]) if "steps" in tensors and tensors["steps"].ndim == 1 else 0
        expected = {"steps": (np.dtype(np.int64), (n,))} | {
            name: (network.dtype, (n, getattr(network, name).size)) for name in ("theta", "state")
        }
        whole = all(type(about.get(name)) is int and about[name] > 0 for name in ("spacing", "epoch_steps"))
        if not sealed or not n or found != expected or not whole or about.get("architecture") != network.architecture:
            raise ModelFileError(f"{path} is not the weight history of a training of {network.architecture}.")
        values: dict[str, Any] = {**tensors, **about}
        history = cls(**values)
        if history.steps[0] < 0 or any(a >= b for a, b in pairwise(history.steps.tolist())):
            raise ModelFileError(f"{path}: the steps of a weight history rise from 0 on.")
        return history


def most_moments(network: Network) -> int:
    """How many moments of this network may be kept."""
    size = network.theta.nbytes + network.state.nbytes
    count = min(MOST, BYTES // size) if size else MOST
    return count if count >= 2 else 0


class WeightRecorder(Callback):
    """Keeps the weights before the first step and after every so many, and those of the moment it is asked at.

    It begins with every step; when MOST moments are reached, every second is forgotten and the spacing doubled. So
    they are always evenly spread, however long the training will be, and depend on the number of steps alone: one that
    was interrupted ends with those of one never stopped. A network so large that two moments take more than BYTES has
    none.
    """

    every = 0  # chunks are what it listens to

    def __init__(self) -> None:
        self.spacing = 1
        self.moments: dict[int, Weights] = {}

    def on_train_begin(self, logs: Progress) -> None:
        self._keep(logs.step)

    def on_chunk_end(self, logs: Progress) -> None:
        if logs.step % self.spacing == 0:
            self._keep(logs.step)

    def steps_until_event(self, step: int) -> int:
        return self.spacing - step % self.spacing

    def _keep(self, step: int) -> None:
        """Keep this moment; forget every second one when there would be too many with the last."""
        most = most_moments(self.model)
        if not most:
            self.spacing = 2**62
        elif step % self.spacing == 0:
            self.moments[step] = Weights.of(self.model)
        while len(self.moments) >= max(most, 2):
            self.spacing *= 2
            self.moments = {at: kept for at, kept in self.moments.items() if at % self.spacing == 0}

    def history(self, step: int, theta: NDArray[Any], state: NDArray[Any]) -> WeightHistory | None:
        """What was kept until now, and the weights of now, after so many steps; None where nothing is to be kept."""
        if not self.moments:
            return None
        moments = {at: kept for at, kept in self.moments.items() if at < step} | {step: Weights(theta, state)}
        return WeightHistory(
            np.array(list(moments), np.int64),
            np.array([kept.theta for kept in moments.values()]),
            np.array([kept.state for kept in moments.values()]),
            self.spacing,
            int(self.params["steps"]),
            self.model.architecture,
        )

    def go_on(self, history: WeightHistory, step: int) -> None:
        """Stand where a training stood after so many steps, whose history was written then or later."""
        self.spacing = history.spacing
        self.moments = {
            int(at): Weights(theta, state)
            for at, theta, state in zip(history.steps, history.theta, history.state, strict=True)
            if at <= step and at % self.spacing == 0
        }
