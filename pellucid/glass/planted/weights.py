"""Mistakes in the layers that have weights: dense and convolution."""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.glass.planted.mistake import backward_of
from pellucid.layers import Numbers
from pellucid.layers.convolution import Convolution
from pellucid.layers.dense import Dense

VECTORS = "6-7:relu-7:sigmoid-4"  # a square layer in the middle, where a transpose can be forgotten unseen; 7 examples
IMAGES = "2x5x6-2C1:tanh-2C3s2p1:tanh-3"  # conv2: as many maps as channels, and every pixel in some window


@backward_of("dense2", VECTORS)
def forgotten_transpose(layer: Dense, t: Numbers) -> None:
    """dx = W dz instead of Wᵀ dz."""
    t.dx = t.W @ t.dz


@backward_of("dense2", VECTORS)
def swapped_axis(layer: Dense, t: Numbers) -> None:
    """db = Σ over the units instead of Σ over the batch."""
    t.db[...] = t.dz.sum(axis=0).reshape(-1, 1)


@backward_of("dense1", VECTORS)
def bias_over_everything(layer: Dense, t: Numbers) -> None:
    """db = one number, Σ over units and batch, instead of one for each unit."""
    t.db[...] = t.dz.sum()


@backward_of("dense2", VECTORS)
def mean_instead_of_sum(layer: Dense, t: Numbers) -> None:
    """dW = dz xᵀ / B, though the 1/B is in dz already."""
    t.dW /= t.x.shape[-1]


@backward_of("dense2", VECTORS)
def weights_gradient_transposed(layer: Dense, t: Numbers) -> None:
    """dW = x dzᵀ, which fits where the layer is square."""
    t.dW[...] = t.x @ t.dz.T


def gradients(layer: Convolution, t: Numbers, dW: Any, dx: Any, padding: int) -> None:
    """Add to dW and dx, tap by tap, what the sum of the convolution says; dx is in its rim of zeros."""
    K, s, (_, rows, columns, _) = layer.side, layer.stride, t.dz.shape
    x = np.pad(t.x, [(0, 0), (padding, padding), (padding, padding), (0, 0)])
    for u, v in np.ndindex(K, K):
        place = np.s_[:, u : u + s * rows : s, v : v + s * columns : s]
        dW[:, :, u, v] += np.einsum("mijb,cijb->mc", t.dz, x[place])
        dx[place] += np.einsum("mc,mijb->cijb", t.W[:, :, u, v], t.dz)


def rimmed(layer: Convolution, t: Numbers) -> Any:
    """Zeros for the gradient of the image in its rim."""
    channels, height, width, examples = t.x.shape
    return np.zeros((channels, height + 2 * layer.padding, width + 2 * layer.padding, examples), t.x.dtype)


@backward_of("conv2", IMAGES)
def flipped_kernel(layer: Convolution, t: Numbers) -> None:
    """dx by the kernel turned upside down, as signal processing turns it."""
    right, dx = t.W, rimmed(layer, t)
    t.W = right[:, :, ::-1, ::-1]
    gradients(layer, t, np.zeros_like(right), dx, layer.padding)
    t.W, t.dx = right, dx[:, 1:-1, 1:-1]


@backward_of("conv2", IMAGES)
def forgotten_padding(layer: Convolution, t: Numbers) -> None:
    """dx cut from the corner of its rim of zeros, without the padding's offset."""
    dx = rimmed(layer, t)
    gradients(layer, t, np.zeros_like(t.W), dx, layer.padding)
    t.dx = dx[:, : t.x.shape[1], : t.x.shape[2]]


@backward_of("conv2", IMAGES)
def forgotten_stride(layer: Convolution, t: Numbers) -> None:
    """dW from windows one pixel apart instead of s."""
    rows, columns = layer.output_shape[1:]
    x = np.pad(t.x, [(0, 0), (1, 1), (1, 1), (0, 0)])
    for u, v in np.ndindex(layer.side, layer.side):
        t.dW[:, :, u, v] = np.einsum("mijb,cijb->mc", t.dz, x[:, u : u + rows, v : v + columns])


@backward_of("conv2", IMAGES)
def bias_of_one_place(layer: Convolution, t: Numbers) -> None:
    """db = Σ over the batch alone, at one place of the image instead of all."""
    t.db[...] = t.dz[:, 0, 0].sum(axis=-1, keepdims=True)


@backward_of("conv2", IMAGES)
def swapped_channels(layer: Convolution, t: Numbers) -> None:
    """dx with W's maps taken for its channels, which fits where there are as many."""
    right, dx = t.W, rimmed(layer, t)
    t.W = right.swapaxes(0, 1)
    gradients(layer, t, np.zeros_like(right), dx, layer.padding)
    t.W, t.dx = right, dx[:, 1:-1, 1:-1]


@backward_of("conv2", IMAGES)
def overwritten_overlap(layer: Convolution, t: Numbers) -> None:
    """dx set by each window in turn instead of summed over all that a pixel is in."""
    K, s, (_, rows, columns, _), dx = layer.side, layer.stride, t.dz.shape, rimmed(layer, t)
    for u, v in np.ndindex(K, K):
        dx[:, u : u + s * rows : s, v : v + s * columns : s] = np.einsum("mc,mijb->cijb", t.W[:, :, u, v], t.dz)
    t.dx = dx[:, 1:-1, 1:-1]


@backward_of("conv2", IMAGES)
def each_place_its_own_weights(layer: Convolution, t: Numbers) -> None:
    """dW averaged over the places of the image instead of summed."""
    t.dW /= t.dz.shape[1] * t.dz.shape[2]
