"""The loss landscape around a point theta: the loss at theta + a·d, where d is a direction.

Each point is just another workspace: the network's formulas at another theta.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data.dataset import Dataset
from pellucid.layers import Numbers
from pellucid.network import Network
from pellucid.randomness import generator

Vector = NDArray[Any]


def loss_at(network: Network, data: Dataset) -> Callable[..., tuple[float, float]]:
    """A function of theta, and of the running statistics if they are others: loss and accuracy on these examples.

    Where the numbers grow beyond all bounds the loss is infinite or NaN, which is no error here.
    """
    images, targets = network.check_examples(data, None)

    @np.errstate(all="ignore")
    def measure(theta: Vector, state: Vector | None = None) -> tuple[float, float]:
        asked = (theta.astype(network.dtype), network.state if state is None else state, images, network.normalization)
        total, right, t = 0.0, 0, Numbers("the loss", np)
        for part, z in network.predictor.logits(network.loss.link, *asked):
            t.z, t.y = z, targets[part].T
            network.loss.forward(t)
            total += float(t.losses.sum(dtype=np.float64))
            right += int(network.loss.right(t).sum())
        return total / len(images), right / len(images)

    return measure


def direction(network: Network, number: int, seed: int = 0) -> Vector:
    """A random direction, filter-normalised: d_ij ← d_ij / ‖d_ij‖ · ‖θ_ij‖ for each filter j of each layer i.

    A filter is what leads to one unit or map, a row of W. Then a step along d changes each by the same share of its
    length, and landscapes of networks whose weights are of other sizes can be compared. Biases, and the scales and
    shifts of normalizations, stay where they are.

    Args:
        network: θ, which is only read.
        number: directions of other numbers are others.
        seed: of all of them.

    Source: Li, Xu, Taylor, Studer, Goldstein, "Visualizing the loss landscape of neural nets", 2018, section 4.
    """
    found = generator(seed, "landscape", number).standard_normal(network.theta.size)
    for slot in network.workspace().parameters:
        own = slot.view(found)
        if slot.tensor.name != "W":
            own[...] = 0
            continue
        filters, weights = own.reshape(len(own), -1), slot.view(network.theta).reshape(len(own), -1)
        lengths = np.linalg.norm(filters, axis=1, keepdims=True)
        filters *= np.linalg.norm(weights, axis=1, keepdims=True) / np.maximum(lengths, 1e-300)
    return found


def line(network: Network, data: Dataset, along: Vector, steps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Loss and accuracy at θ + a·d for each a: (len(steps), 2)."""
    measure, theta = loss_at(network, data), network.theta.astype(np.float64)
    return np.array([measure(theta + a * along) for a in steps])


def plane(
    network: Network, data: Dataset, first: Vector, second: Vector, steps: NDArray[np.float64],
    others: NDArray[np.float64], origin: Vector | None = None,
) -> NDArray[np.float64]:  # fmt: skip
    """The loss at origin + a·first + b·second: (len(others), len(steps)), a row for each b; θ is the origin."""
    measure = loss_at(network, data)
    centre = np.asarray(network.theta if origin is None else origin, np.float64)
    return np.array([[measure(centre + a * first + b * second)[0] for a in steps] for b in others])
