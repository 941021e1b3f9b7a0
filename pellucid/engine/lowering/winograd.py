"""Which convolutions are done in Winograd's way, and what that needs (see kernels/winograd.h)."""

from __future__ import annotations

from pellucid.engine.lowering.builder import Builder
from pellucid.engine.plan import PAD, POINTS, TILES_ABREAST, Operation, Place, padded
from pellucid.layers.convolution import Convolution

PLACES = POINTS**2
WINDOWS = (3, 5, 7)
BESIDE = 8  # operations for each place of a tile of x and of z, beside the multiplications, as measured


def pays(layer: Convolution) -> bool:
    """Whether the way there and back takes less time so."""
    channels, maps = layer.input_shape[0], padded(layer.maps)
    _, rows, columns = layer.output_shape
    if layer.stride > 1 or layer.side not in WINDOWS:
        return False
    side = POINTS + 1 - layer.side
    places = -(-rows // side) * -(-columns // side) * PLACES
    return places * (channels * maps + BESIDE * (channels + maps)) < rows * columns * layer.fan_in * layer.maps


def weights(builder: Builder, layer: Convolution) -> Place:
    """Where each thread finds the layer's weights at all places."""
    channels, maps = layer.input_shape[0], layer.maps
    size, pairs, side = PLACES * _step(maps, padded(channels)), maps * channels * builder.threads, layer.side
    place = (builder.claim(size * builder.threads), 0, size, 0, 0)
    builder.first.append(
        Operation(
            "winograd_weights", layer.name, f"{maps * channels}x{side}x{side} -> {maps * channels}x{POINTS}x{POINTS}",
            2 * pairs * POINTS * side * (side + POINTS), 4 * pairs * (side**2 + PLACES), y=place,
            carry=builder.batch_size, w=builder.parameters_of(layer.name).place, inputs=channels, outputs=maps,
            side=side,
        )
    )  # fmt: skip
    both = PLACES * (_step(channels, TILES_ABREAST * PAD) + _step(padded(maps), TILES_ABREAST * PAD))
    builder.scratch(both + PLACES * _step(channels, padded(maps)) if builder.training else both)
    return place


def _step(rows: int, columns: int) -> int:
    """The floats from a place to the next, of matrices of this size."""
    return rows * columns + PAD
