"""Mistakes in the layers that only pass images on: pooling and flatten."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from pellucid.glass.planted.mistake import backward_of
from pellucid.layers import Numbers
from pellucid.layers.pooling import GlobalAveragePooling, Pooling
from pellucid.layers.reshape import Flatten

MAXIMUM = "1x6x7-2C2:tanh-MP3s2-4"  # overlapping windows, which leave out the last column
TIES = "1x6x6-D0.5-3C1:linear-MP2-4"  # where dropout makes several pixels of a window 0, they are one number behind it
AVERAGE = "1x6x7-2C2:tanh-AP2s1-4"
APART = "1x6x6-2C2:tanh-AP2-4"  # windows of 2×2 on images of 5×5
GLOBAL = "1x5x6-3C2:tanh-GAP-4"
FLAT = "1x5x6-3C2:tanh-4"


def taps(layer: Pooling, image: Any) -> Iterator[Any]:
    """What all windows have at each of their places, row by row."""
    K, s, (_, rows, columns) = layer.side, layer.stride, layer.output_shape
    for u, v in np.ndindex(K, K):
        yield image[:, u : u + s * rows : s, v : v + s * columns : s]


@backward_of("pool1", TIES)
def gradient_to_all_ties(layer: Pooling, t: Numbers) -> None:
    """da in full to every pixel that is as large as the largest, instead of to one of them."""
    t.dx = np.zeros_like(t.x)
    for x, dx in zip(taps(layer, t.x), taps(layer, t.dx), strict=True):
        dx += np.where(x == t.a, t.da, 0)


@backward_of("pool1", MAXIMUM)
def rows_taken_for_columns(layer: Pooling, t: Numbers) -> None:
    """The winner's number read column by column, though it was counted row by row."""
    row, column = np.divmod(t.winner, layer.side)
    t.dx = np.zeros_like(t.x)
    for tap, dx in enumerate(taps(layer, t.dx)):
        dx += np.where(column * layer.side + row == tap, t.da, 0)


@backward_of("pool1", MAXIMUM)
def gradient_to_the_whole_window(layer: Pooling, t: Numbers) -> None:
    """da to every pixel of the window, whether it won or not."""
    t.dx = np.zeros_like(t.x)
    for dx in taps(layer, t.dx):
        dx += t.da


@backward_of("pool1", MAXIMUM)
def winner_of_two_windows_paid_once(layer: Pooling, t: Numbers) -> None:
    """dx set instead of summed, so that the winner of several windows is paid by the last alone."""
    t.dx = np.zeros_like(t.x)
    for tap, dx in enumerate(taps(layer, t.dx)):
        dx[...] = np.where(t.winner == tap, t.da, dx)


@backward_of("pool1", AVERAGE)
def average_not_divided(layer: Pooling, t: Numbers) -> None:
    """da to every pixel of the window instead of da / K²."""
    t.dx = t.dx * layer.side**2


@backward_of("pool1", AVERAGE)
def average_divided_by_the_side(layer: Pooling, t: Numbers) -> None:
    """da / K to every pixel of the window instead of da / K²."""
    t.dx = t.dx * layer.side


@backward_of("pool1", APART)
def gradient_to_the_rest(layer: Pooling, t: Numbers) -> None:
    """The row and column that no window reaches are given the gradient of their neighbours."""
    t.dx = t.dx.copy()
    t.dx[:, -1], t.dx[:, :, -1] = t.dx[:, -2], t.dx[:, :, -2]


@backward_of("pool1", GLOBAL)
def mean_of_the_map_not_divided(layer: GlobalAveragePooling, t: Numbers) -> None:
    """da to every pixel of the map instead of da / HW."""
    t.dx = np.zeros_like(t.x) + t.da[:, None, None]


@backward_of("pool1", GLOBAL)
def divided_by_the_channels_too(layer: GlobalAveragePooling, t: Numbers) -> None:
    """da / CHW to every pixel instead of da / HW."""
    t.dx = t.dx / len(t.x)


@backward_of("flatten1", FLAT)
def columns_before_rows(layer: Flatten, t: Numbers) -> None:
    """dx filled column by column, though the image was read row by row."""
    channels, height, width, examples = t.x.shape
    t.dx = t.da.reshape(channels, width, height, examples).swapaxes(1, 2)


@backward_of("flatten1", FLAT)
def channels_last(layer: Flatten, t: Numbers) -> None:
    """dx filled pixel by pixel with all channels, though the image was read map by map."""
    channels, height, width, examples = t.x.shape
    t.dx = np.moveaxis(t.da.reshape(height, width, channels, examples), 2, 0)
