"""The way of a training through the space of all parameters: how far it went, and the plane that holds most of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.callbacks.weight_history import WeightHistory
from pellucid.glass.measures.projection import Components, principal_components
from pellucid.network import Network


@dataclass(frozen=True)
class Distances:
    """How far weights are from where they were at the first moment, in lengths of what they were then.

    Args:
        whole: (moments,) ‖θ_t − θ_0‖ / ‖θ_0‖.
        layers: the same for the weights W of each layer that has some.
        detour: Σ ‖θ_{t+1} − θ_t‖ / ‖θ_T − θ_0‖, at least 1; 1 is a straight line.
    """

    whole: NDArray[np.float64]
    layers: dict[str, NDArray[np.float64]]
    detour: float


def distances(network: Network, way: WeightHistory) -> Distances:
    """The distances from the first moment of a way; what was 0 then is measured by the furthest it went."""
    theta = way.theta.astype(np.float64)
    layers = {
        slot.layer.name: _relative(theta[:, slot.start : slot.stop])
        for slot in network.workspace().parameters if slot.tensor.name == "W"
    }  # fmt: skip
    straight = float(np.linalg.norm(theta[-1] - theta[0]))
    walked = float(np.linalg.norm(np.diff(theta, axis=0), axis=1).sum())
    return Distances(_relative(theta), layers, walked / straight if straight else 1.0)


def _relative(points: NDArray[Any]) -> NDArray[np.float64]:
    own = np.linalg.norm(points - points[0], axis=1)
    measure = float(np.linalg.norm(points[0])) or float(own.max()) or 1.0
    return np.asarray(own / measure)


def plane_of(way: WeightHistory) -> Components:
    """The plane through the last moment that holds most of the way: principal components of θ_t − θ_T.

    Their origin is θ_T, not the mean, so that the end of the training lies in the plane.

    Source: Li et al., "Visualizing the loss landscape of neural nets", 2018, section 7.
    """
    steps = way.theta[:-1].astype(np.float64) - way.theta[-1].astype(np.float64)
    around = principal_components(np.concatenate([steps, -steps]))  # whose mean is 0
    return Components(way.theta[-1].astype(np.float64), around.axes, around.shares)
