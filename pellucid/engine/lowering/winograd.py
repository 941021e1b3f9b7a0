"""Which convolutions are done in Winograd's way, and what that needs (see kernels/winograd.h and winograd_rows.h)."""

from __future__ import annotations

from math import inf, prod

from pellucid.engine.lowering.builder import Builder
from pellucid.engine.plan import NOWHERE, PAD, POINTS, TILES_ABREAST, Operation, Place, padded
from pellucid.layers.convolution import Convolution

PLACES = POINTS**2
WINDOWS = (3, 5, 7)
# Operations beside the multiplications, as measured: for each place of a tile of x and of z; for each row of a tile of
# z, and of x.
BESIDE, BESIDE_ROW_OF_Z, BESIDE_ROW_OF_X = 8, 24, 40


def ways(layer: Convolution) -> tuple[str, str]:
    """What the kernels that take the least time are called: of the way there, and of the way back."""
    plain, both = layer.fan_in * prod(layer.output_shape), _both_directions(layer)
    back = "winograd" if both < plain else "convolution"
    return "winograd_rows" if _rows_alone(layer) < min(plain, both) else back, back


def _both_directions(layer: Convolution) -> float:
    """Operations on vectors in Winograd's way."""
    if layer.stride > 1 or layer.side not in WINDOWS:
        return inf
    channels, maps = layer.input_shape[0], padded(layer.maps)
    across, down = (-(-length // _tile(layer)) for length in layer.output_shape[1:])
    return across * down * PLACES * (channels * maps + BESIDE * (channels + maps))


def _rows_alone(layer: Convolution) -> float:
    """Operations on vectors in Winograd's way along the rows."""
    if layer.stride > 1 or layer.side not in WINDOWS:
        return inf
    channels, (maps, rows, columns) = layer.input_shape[0], layer.output_shape
    of_z, of_x = channels * layer.side * POINTS + BESIDE_ROW_OF_Z, BESIDE_ROW_OF_X
    return rows * -(-columns // _tile(layer)) * (maps * of_z + channels * of_x)


def _tile(layer: Convolution) -> int:
    """Pixels of a tile of z in each direction."""
    return POINTS + 1 - layer.side


def weights(builder: Builder, layer: Convolution, way: str) -> Place:
    """Where each thread finds the layer's weights at all points, where a way needs them."""
    channels, maps, side = layer.input_shape[0], layer.maps, layer.side
    windows = maps * channels
    if way == "winograd":
        rows, floats, arithmetic = POINTS, PLACES * _step(maps, padded(channels)), 2 * POINTS * side * (side + POINTS)
    elif way == "winograd_rows":
        rows, floats, arithmetic = side, windows * side * POINTS, 2 * POINTS * side**2
    else:
        return NOWHERE
    place = (builder.claim(padded(floats) * builder.threads), 0, padded(floats), 0, 0)
    pairs = windows * builder.threads
    builder.first.append(
        Operation(
            f"{way}_weights", layer.name, f"{windows}x{side}x{side} -> {windows}x{rows}x{POINTS}", pairs * arithmetic,
            4 * pairs * (side**2 + rows * POINTS), y=place, carry=builder.batch_size,
            w=builder.parameters_of(layer.name).place, inputs=channels, outputs=maps, side=side,
        )
    )  # fmt: skip
    return place


def make_room(builder: Builder, layer: Convolution, way: str) -> None:
    """Scratch for what the kernels of a way keep at all points."""
    channels, (maps, rows, columns) = layer.input_shape[0], layer.output_shape
    if way == "winograd":
        both = PLACES * (_step(channels, TILES_ABREAST * PAD) + _step(padded(maps), TILES_ABREAST * PAD))
        builder.scratch(both + PLACES * _step(channels, padded(maps)) if builder.training else both)
    elif way == "winograd_rows":
        builder.scratch(channels * (rows + layer.side - 1) * -(-columns // _tile(layer)) * POINTS * PAD)


def _step(rows: int, columns: int) -> int:
    """The floats from a place to the next, of matrices of this size."""
    return rows * columns + PAD
