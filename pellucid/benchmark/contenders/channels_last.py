"""The weights of a network for libraries whose images have their channels last: (N, height, width, channels)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.layers import Layer
from pellucid.layers.convolution import Convolution
from pellucid.layers.dense import Dense
from pellucid.layers.normalization import Normalization
from pellucid.layers.reshape import Flatten

Arrays = list[NDArray[Any]]


def images(rows: NDArray[np.float32], layers: list[Layer]) -> NDArray[np.float32]:
    """Grey images in rows as what the first layer reads."""
    shape = layers[0].input_shape
    return rows.reshape(-1, *shape[1:], 1) if len(shape) == 3 else rows


def parameters(layers: list[Layer]) -> list[Arrays]:
    """Of each layer: kernels (side, side, channels, maps), matrices (in, out), gains, biases; or nothing."""
    found: list[Arrays] = []
    maps: tuple[int, ...] = ()  # of the images that were flattened before this layer
    for layer in layers:
        arrays: Arrays = []
        if isinstance(layer, Convolution):
            arrays = [layer.W.transpose(2, 3, 1, 0), layer.b.ravel()]
        elif isinstance(layer, Dense):
            W = layer.W.reshape(-1, *maps).transpose(0, 2, 3, 1).reshape(len(layer.W), -1) if maps else layer.W
            arrays, maps = [W.T, layer.b.ravel()], ()
        elif isinstance(layer, Normalization):
            arrays = [layer.gain.ravel(), layer.bias.ravel()]
        elif isinstance(layer, Flatten):
            maps = layer.input_shape
        found.append([np.array(array, np.float32, order="C") for array in arrays])
    return found
