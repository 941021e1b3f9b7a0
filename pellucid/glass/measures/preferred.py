"""What a unit likes best: an input that makes it as large as it can be, found by gradient ascent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.glass.measures.passes import columns, input_gradient
from pellucid.layers import Layer
from pellucid.network import Network

STEPS = 100
STEP = 0.04  # of the way from black to white that the furthest pixel goes in a step


@dataclass(frozen=True)
class Preferred:
    """Inputs that units of a layer like best.

    Args:
        units: their numbers.
        images: (units, ...) shaped as what the network reads, from 0, black, to 1, white.
        before: (units,) what they gave for the image that the ascent began with.
        after: (units,) and for the one it came to.
    """

    units: NDArray[np.int64]
    images: NDArray[Any]
    before: NDArray[Any]
    after: NDArray[Any]


def preferred_inputs(
    network: Network, layer: Layer, units: NDArray[np.int64], start: NDArray[np.uint8], steps: int = STEPS
) -> Preferred:
    """Climb from an image, x ← clip(x + η ∂a_u/∂x, black, white), for each unit u.

    The gradient is divided by its largest entry, so that a step moves no pixel by more than η. Of a map its mean over
    all places is climbed. Every unit climbs by itself; the best of its way is kept, so that none ends lower than it
    began.

    Args:
        network: is only read.
        layer: of the network's row.
        units: of it: outputs, or maps.
        start: one image, in a row.
        steps: of the ascent; η falls linearly.

    Source: Erhan, Bengio, Courville, Vincent, "Visualizing higher-layer features of a deep network", 2009.
    """
    scale, offset = network.normalization.scale * 255, network.normalization.offset
    x = np.repeat(columns(network, start[None]), len(units), axis=-1)
    own = np.arange(len(units))
    area = np.prod(layer.output_shape[1:], dtype=int)
    weights = np.zeros((*layer.output_shape, len(units)), network.dtype)
    weights[units, ..., own] = 1 / area
    best, height, before = x.copy(), np.full(len(units), -np.inf), np.zeros(len(units))
    for step in range(steps + 1):
        output, slope = input_gradient(network, x, layer, weights)
        now = output.reshape(output.shape[0], area, -1)[units, :, own].mean(axis=1)
        before = now if step == 0 else before
        better = now > height
        height, best[..., better] = np.where(better, now, height), x[..., better]
        largest = abs(slope).reshape(-1, len(units)).max(axis=0)
        rate = STEP * abs(scale) * (1 - step / (steps + 1))
        x = np.clip(x + rate * slope / np.maximum(largest, 1e-30), offset, offset + scale).astype(x.dtype)
    images = np.moveaxis((best - offset) / scale, -1, 0)
    return Preferred(units, images, before, height)
