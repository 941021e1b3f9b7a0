"""The probe: a few training examples through the formulas, forward and back, beside the training.

It has a workspace of its own, with a copy of the running statistics, so that it changes no bit of the training; the
formulas are the reference's, so that both engines are measured alike. It passes as a training pass does: what
normalization measures and dropout draws is what the network learns by.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pellucid.engine.engines import Engine
from pellucid.engine.reference import gradient_of
from pellucid.layers import Array, Layer, Numbers, walk
from pellucid.layers.activation import Activation, Identity, Sigmoid, Softmax, Tanh
from pellucid.randomness import Draws, generator
from pellucid.workspace import Workspace

EXAMPLES = 64  # enough to see that something may be wrong, in a third of a millisecond for 784-128-64-10
MORE = 512  # to be sure of it: a unit that is active for 1 in 100 would be missed by 64 every other time
DEAD = 1e-3  # of the slope at its steepest: what passes on less of a gradient passes on nothing
FLAT = 0.05  # of the slope at its steepest: a sigmoid beyond ±4.4, a tanh beyond ±2.2


@dataclass(frozen=True)
class Units:
    """How the units of an activation do.

    Args:
        layer: its name.
        kind: relu, sigmoid ...
        count: units; of an image, maps.
        dead: how many pass back no gradient for any example.
        flat: share of all numbers (units × examples) where a function with two flat ends is flat; 0 of others.
    """

    layer: str
    kind: str
    count: int
    dead: int
    flat: float


@dataclass(frozen=True)
class Reading:
    """What the probe found.

    Args:
        examples: how many.
        loss: their mean loss.
        images: the root of the mean square of what the first layer reads.
        units: of each activation, first to last.
        gradients: ‖dz‖ of each layer with weights, first to last, of the mean loss.
    """

    examples: int
    loss: float
    images: float
    units: list[Units]
    gradients: dict[str, float]


class Probe:
    """Reads a training now and then.

    Args:
        engine: that trains: its theta, examples and loss.
    """

    @np.errstate(over="ignore")  # of images that are too large for the dtype
    def __init__(self, engine: Engine) -> None:
        total = len(engine.images)
        self.places = generator(engine.seed, "probe").choice(total, min(MORE, total), replace=False)
        self.loss, self.seed = engine.loss, engine.seed
        own = engine.workspace
        self.theta, self.state = own.theta, own.state
        self.workspace = Workspace(own.layers, own.theta, np.zeros_like(own.theta), np.array(own.state))
        self.x = engine.normalization.columns(engine.images[self.places], own.theta.dtype, own.input_shape)
        self.y = engine.targets[self.places].T
        self.w = None if engine.weights is None else engine.weights[self.places]

    @np.errstate(all="ignore")
    def read(self, examples: int = EXAMPLES) -> Reading:
        """Forward and back at the theta of this moment."""
        workspace = self.workspace
        workspace.state[...] = self.state  # type: ignore[index]  # a network's workspace has one
        x, y = self.x[..., :examples], self.y[:, :examples]
        w = None if self.w is None else self.w[:examples]
        t = gradient_of(workspace, self.loss, x, y, Draws(self.seed, 0), w)
        gradients = {
            layer.name: norm(vars(workspace.of[layer.name])[f"d{layer.output}"]) for layer in weighted(workspace)
        }
        units = [_units(layer, workspace.of[layer.name]) for layer in _activations(workspace)]
        return Reading(y.shape[1], float(t.loss), norm(x) / x.size**0.5, units, gradients)


def weighted(workspace: Workspace) -> Iterator[Layer]:
    """The layers that have weights W, first to last."""
    return (slot.layer for slot in workspace.parameters if slot.tensor.name == "W")


def norm(array: Array) -> float:
    """The root of the sum of squares."""
    flat = array.reshape(-1)
    return float(np.sqrt(flat @ flat))


def _activations(workspace: Workspace) -> Iterator[Layer]:
    """Those whose slopes say something, and through which the gradient of the probe went."""
    for layer in walk(workspace.layers):
        if isinstance(layer, Activation) and not isinstance(layer, Identity) and "da" in vars(workspace.of[layer.name]):
            yield layer


def _units(layer: Layer, t: Numbers) -> Units:
    """Of one activation, after the backward pass; its da and dz are overwritten by 1 and the slopes."""
    count = len(t.a)
    if isinstance(layer, Softmax):  # flat where one output has it all: a (1 − a) is the slope of each
        return Units(layer.name, layer.kind, count, 0, float((t.a.max(axis=0) > 1 - FLAT / 4).mean()))
    t.da = np.ones_like(t.a)
    layer.backward(t)
    slopes = abs(t.dz)
    steepest = 0.25 if isinstance(layer, Sigmoid) else 1.0
    dead = int((slopes.reshape(count, -1).max(axis=1) < DEAD * steepest).sum())
    flat = float((slopes < FLAT * steepest).mean()) if isinstance(layer, Sigmoid | Tanh) else 0.0
    return Units(layer.name, layer.kind, count, dead, flat)
