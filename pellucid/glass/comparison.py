"""Two networks side by side: how far apart their weights are, and where their answers differ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import UsageError
from pellucid.metrics import Evaluation
from pellucid.network import Network
from pellucid.workspace import Slot, slots

LARGEST = 5  # changes of a tensor that are named


@dataclass(frozen=True)
class Change:
    """How one tensor differs.

    Args:
        name: "dense1/W".
        shape: of the tensor.
        length: ‖a‖, of the first network's.
        distance: ‖b − a‖.
        angle: between the two as vectors, in degrees; None where one of them is 0.
        largest: the places with the largest changes, each with its number in a and in b.
        difference: b − a.
    """

    name: str
    shape: tuple[int, ...]
    length: float
    distance: float
    angle: float | None
    largest: list[tuple[tuple[int, ...], float, float]]
    difference: NDArray[np.float64]


@dataclass(frozen=True)
class Disagreement:
    """A test image that two networks read differently.

    Args:
        index: its place in the data.
        label: its class, as a number of the networks' classes.
        answers: what each network says.
        sure: how sure each is.
    """

    index: int
    label: int
    answers: tuple[int, int]
    sure: tuple[float, float]


def changes(a: Network, b: Network) -> list[Change]:
    """Tensor by tensor, what leads from a to b.

    Raises:
        UsageError: they have different architectures, so that no weight of one belongs to one of the other.
    """
    if a.architecture != b.architecture:
        raise UsageError(f"Weights cannot be compared: one network is {a.architecture}, the other {b.architecture}.")
    return [_change(slot, a, b) for slot in slots(a.layers, "parameter")]


def _change(slot: Slot, a: Network, b: Network) -> Change:
    one, other = (np.asarray(slot.view(network.theta), np.float64) for network in (a, b))
    difference = other - one
    lengths = float(np.linalg.norm(one)), float(np.linalg.norm(other))
    angle = None
    if all(lengths):
        cosine = float((one * other).sum()) / (lengths[0] * lengths[1])
        angle = float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))
    order = np.argsort(-abs(difference), axis=None, kind="stable")[:LARGEST]
    places = [tuple(map(int, np.unravel_index(place, difference.shape))) for place in order]
    largest = [(place, float(one[place]), float(other[place])) for place in places]
    return Change(slot.name, slot.shape, lengths[0], float(np.linalg.norm(difference)), angle, largest, difference)


def disagreements(a: Evaluation, b: Evaluation) -> list[Disagreement]:
    """The images on which the answers differ; those first where both are surest."""
    places = np.flatnonzero(a.predicted != b.predicted)
    sure = a.confidence[places], b.confidence[places]
    order = np.argsort(-np.minimum(*sure), kind="stable")
    return [
        Disagreement(
            int(places[i]), int(a.labels[places[i]]), (int(a.predicted[places[i]]), int(b.predicted[places[i]])),
            (float(sure[0][i]), float(sure[1][i])),
        )
        for i in order
    ]  # fmt: skip
