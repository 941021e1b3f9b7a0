"""What units do: how many images each answers to, and how activations, gradients and updates go from layer to layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data.dataset import Dataset
from pellucid.diagnosis.probe import DEAD
from pellucid.engine.prediction import check_finite
from pellucid.glass.measures.passes import outputs, passes
from pellucid.glass.tracing import trace
from pellucid.layers import walk
from pellucid.layers.activation import Activation, Identity, Sigmoid, Softmax
from pellucid.network import Network
from pellucid.optimizers import Optimizer

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class Activity:
    """For what share of the images each unit of an activation lets a gradient through.

    Args:
        layer: its name.
        kind: relu, sigmoid ...
        shares: (units,) of the images; a map of an image counts as one unit, active if it is anywhere.
    """

    layer: str
    kind: str
    shares: NDArray[np.float64]

    @property
    def dead(self) -> NDArray[np.int64]:
        """The units that let none through for any image."""
        return np.flatnonzero(self.shares == 0)


def activities(network: Network, images: NDArray[Any]) -> list[Activity]:
    """The activity of the units of every activation, first to last.

    A unit lets a gradient through where its slope is at least a thousandth of the steepest there is: a ReLU where
    z > 0, a sigmoid within about ±8. Units that never do are dead: the weights into them stand still.
    """
    kinds = [
        layer for layer in walk(network.layers)
        if isinstance(layer, Activation) and not isinstance(layer, Identity | Softmax)
    ]  # fmt: skip
    counts: dict[str, Any] = dict.fromkeys((layer.name for layer in kinds), 0)
    for workspace in passes(network, images):
        for layer in kinds:
            t = workspace.of[layer.name]
            t.da = np.ones_like(t.a)
            layer.backward(t)
            least = DEAD * (0.25 if isinstance(layer, Sigmoid) else 1.0)
            active = (abs(t.dz) >= least).reshape(len(t.a), -1, t.a.shape[-1]).any(axis=1)
            counts[layer.name] = counts[layer.name] + active.sum(axis=1)
    return [Activity(layer.name, layer.kind, counts[layer.name] / len(images)) for layer in kinds]


@dataclass(frozen=True)
class Flow:
    """How the numbers of a step go through a layer.

    Args:
        layer: its name.
        quantiles: of its outputs for all examples: 5%, 25%, 50%, 75%, 95%.
        gradient: ‖dz‖ of its output, of the mean loss.
        weight_gradient: ‖∇L‖ of its parameters; None without any.
        ratio: ‖Δθ‖ / ‖θ‖ of its parameters in a step; None without any, or where they are all 0.
    """

    layer: str
    quantiles: tuple[float, ...]
    gradient: float
    weight_gradient: float | None
    ratio: float | None


def flow(network: Network, data: Dataset, optimizer: Optimizer) -> list[Flow]:
    """The numbers of a pass of training with these examples, and of the first step of an optimizer, layer by layer.

    Raises:
        NumericError: the logits are NaN or infinite, as all gradients are then.
    """
    with np.errstate(all="ignore"):  # what overflows is said below
        found = trace(network, data, training=True, optimizer=optimizer)
    last = network.layers[-1]
    z = found[f"{last.name}/{last.output}"]
    check_finite(z.reshape(-1, z.shape[-1]).T)
    names: dict[str, list[str]] = {layer.name: [] for layer in network.layers}
    for slot in network.workspace().parameters:
        names[slot.layer.name.split(".")[0]].append(slot.name)  # parts of a residual block count as the block
    rows = []
    for layer in network.layers:
        own = names[layer.name]
        size, moved = _norm(found, own), _norm(found, [f"{name}_update" for name in own])
        slopes = [name.replace("/", "/d") for name in own]
        output = found[f"{layer.name}/{layer.output}"]
        rows.append(Flow(
            layer.name,
            tuple(np.quantile(output.astype(np.float64), QUANTILES).tolist()),
            _norm(found, [f"{layer.name}/d{layer.output}"]),
            _norm(found, slopes) if own else None,
            moved / size if own and size else None,
        ))  # fmt: skip
    return rows


def largest(network: Network, images: NDArray[Any], layer: Any) -> NDArray[Any]:
    """The largest output of each unit of a layer over all images, of a map the largest mean over its places: (units,).

    That is what `preferred_inputs` climbs, so that the two can be compared.
    """
    found = outputs(network, images, [layer])[layer.name]
    return np.asarray(found.reshape(len(found), found.shape[1], -1).mean(axis=2).max(axis=0))


def _norm(found: Any, names: list[str]) -> float:
    return float(np.sqrt(sum(np.square(found[name], dtype=np.float64).sum() for name in names)))
