"""From a network to the plan of a prediction of few examples.

Parameters are read from theta, as they lie there, and running statistics from the state. Images come one by one, in
planes (see kernels/predict.h).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np

from pellucid.engine.lowering.builder import Builder
from pellucid.engine.lowering.layers import elementwise, size_of
from pellucid.engine.lowering.network import gather, reads_images
from pellucid.engine.lowering.rule import RULE
from pellucid.engine.lowering.sequence import undisturbed
from pellucid.engine.plan import PAD, Place, Plan, Rows, padded
from pellucid.layers import Layer
from pellucid.layers.activation import Activation, Identity, ReLU, Softmax
from pellucid.layers.convolution import Convolution
from pellucid.layers.dense import Dense
from pellucid.layers.normalization import EPSILON, BatchNormalization, LayerNormalization
from pellucid.layers.pooling import AveragePooling, GlobalAveragePooling, MaxPooling
from pellucid.layers.reshape import Flatten
from pellucid.layers.residual import Residual

FEW = 8  # examples, at most; for more, it pays to pack the parameters


@dataclass(frozen=True)
class Planes:
    """One image: (channels, height, width), with so many numbers from a row, or from a plane, to the next."""

    start: int
    channels: int
    height: int
    width: int
    row: int
    plane: int
    rim: int = 0
    spare: bool = True  # as that of rows: the next layer may write over it

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.channels, self.height, self.width

    @property
    def place(self) -> Place:
        return self.within(0)

    def within(self, padding: int) -> Place:
        """Where it begins with so much of its rim."""
        return (self.start + (self.rim - padding) * (self.row + 1), 0, 0, self.plane, self.row)


def lower_few(layers: Sequence[Layer], link: Activation) -> Plan:
    """The plan of a prediction of few examples, through the output link."""
    images, layers = reads_images(layers), [*undisturbed(layers), link]
    builder = Builder(layers, np.zeros(1, RULE)[0], 1 if images else FEW, 0, training=False, packed=False)
    _row(builder, layers, _gather(builder, layers) if images else gather(builder, layers, sparse=False, abreast=False))
    return builder.plan


def _row(builder: Builder, layers: Sequence[Layer], x: Any) -> Any:
    """The kernels of layers in a row; the last one's output."""
    layers = undisturbed(layers)
    while layers:
        layer, *layers = layers
        relu = isinstance(layer, Convolution | BatchNormalization) and [type(after) for after in layers[:1]] == [ReLU]
        layers = layers[relu:]
        x = RULES.get(type(layer), _elementwise)(builder, layer, x, _rim(layers), relu)
    return x


def _rim(layers: Sequence[Layer]) -> int:
    """The zeros that the first of these layers wants around an image."""
    if layers and isinstance(layers[0], Residual):
        return _rim(undisturbed(layers[0].layers))
    return layers[0].padding if layers and isinstance(layers[0], Convolution) else 0


def _planes(builder: Builder, shape: tuple[int, int, int], rim: int = 0) -> Planes:
    """A new image, with vectors behind it that a kernel may read or write."""
    channels, height, width = shape
    row = width + 2 * rim
    plane = row * (height + 2 * rim)
    return Planes(builder.claim(channels * plane + PAD), channels, height, width, row, plane, rim)


def _emit(builder: Builder, kernel: str, layer: str, x: Planes | None, a: Planes, /, **fields: Any) -> None:
    arithmetic = fields.pop("arithmetic", 0)
    size = {"outputs": a.channels, "rows": a.height, "columns": a.width, "y": a.place}
    size |= {"x": x.place, "inputs": x.channels, "height": x.height, "width": x.width} if x else {}
    shapes = " -> ".join("x".join(map(str, image.shape)) for image in (x, a) if image)
    floats = sum(prod(image.shape) for image in (x, a) if image)
    builder.emit(kernel, layer, shapes, arithmetic, floats, **(size | fields))


def _gather(builder: Builder, layers: Sequence[Layer]) -> Planes:
    channels, height, width = layers[0].input_shape
    x = _planes(builder, (channels, height, width), _rim(layers))
    _emit(builder, "gather_planes", "input", None, x, arithmetic=2 * prod(x.shape), meet=True)
    return x


def _copied(builder: Builder, name: str, x: Planes, rim: int) -> Planes:
    a = _planes(builder, x.shape, rim)
    _emit(builder, "copy_planes", name, x, a)
    return a


def _convolution(builder: Builder, layer: Convolution, x: Planes, rim: int, relu: bool) -> Planes:
    """Its output keeps the rows of x, so that all of it is one long vector."""
    maps, rows, columns = layer.output_shape
    if x.rim < layer.padding:
        x = _copied(builder, layer.name, x, layer.padding)
    fields = {"x": x.within(layer.padding), "inputs": x.channels, "side": layer.side}
    row = x.row
    if layer.stride > 1:
        taps = _planes(builder, (layer.fan_in, rows, columns))
        _emit(builder, "unfold_planes", layer.name, x, taps, stride=layer.stride, **fields)
        fields, row = {"x": taps.place, "inputs": layer.fan_in, "side": 1}, columns
    plane = padded((rows - 1) * row + columns)
    z = Planes(builder.claim(maps * plane), maps, rows, columns, row, plane)
    w, arithmetic = builder.parameters_of(layer.name).start, 2 * layer.fan_in * prod(z.shape)
    _emit(builder, "convolution_predict", layer.name, x, z, arithmetic=arithmetic, w=w, relu=relu, **fields)
    return z


def _pooling(builder: Builder, layer: MaxPooling | AveragePooling, x: Planes, rim: int, relu: bool) -> Planes:
    maps, rows, columns = layer.output_shape
    a, kernel = _planes(builder, (maps, rows, columns), rim), "max" if isinstance(layer, MaxPooling) else "average"
    arithmetic, window = layer.side**2 * prod(a.shape), {"side": layer.side, "stride": layer.stride}
    _emit(builder, f"{kernel}_pool_predict", layer.name, x, a, arithmetic=arithmetic, **window)
    return a


def _global_average(builder: Builder, layer: GlobalAveragePooling, x: Planes, rim: int, relu: bool) -> Rows:
    a, numbers = builder.rows(x.channels, spare=True), prod(x.shape)
    builder.emit(
        "global_average_predict", layer.name, f"{numbers} -> {a.width}", numbers, numbers + a.width,
        x=x.place, y=a.place, inputs=x.channels, outputs=a.width, height=x.height, width=x.width,
    )  # fmt: skip
    return a


def _flatten(builder: Builder, layer: Flatten, x: Planes | Rows, rim: int, relu: bool) -> Rows:
    if isinstance(x, Rows):
        return x
    if x.plane > x.height * x.width:
        x = _copied(builder, layer.name, x, 0)
    return Rows(x.start, prod(x.shape), x.spare)


def _dense(builder: Builder, layer: Dense, x: Rows, rim: int, relu: bool) -> Rows:
    matrix = builder.parameters_of(layer.name)
    z = builder.rows(matrix.outputs, spare=True)
    builder.emit(
        "dense_predict", layer.name, f"{matrix.inputs} -> {matrix.outputs}", 2 * matrix.inputs * matrix.outputs,
        matrix.inputs + matrix.outputs + matrix.size // builder.batch_size,
        x=x.place, y=z.place, w=matrix.start, inputs=matrix.inputs, outputs=matrix.outputs,
    )  # fmt: skip
    return z


def _elementwise(builder: Builder, layer: Activation, x: Planes | Rows, rim: int, relu: bool) -> Planes | Rows:
    """In its place, or in a new one; numbers between the rows of an image are taken along."""
    if isinstance(layer, Softmax) and isinstance(x, Planes):
        return _softmax(builder, layer, x)
    if isinstance(x, Planes):
        a: Any = elementwise(builder, layer, Rows(x.start, x.channels * x.plane, x.spare))[0]
        builder.claim(PAD)  # behind it, as behind every image
        return replace(x, start=a.start, spare=True)
    return Rows(elementwise(builder, layer, x)[0].start, x.width, spare=True)


def _softmax(builder: Builder, layer: Softmax, x: Planes) -> Planes:
    """Over the channels of each pixel: PAD neighbours count as images abreast, in planes with room for all of them."""
    channels, height, width = x.shape
    plane = padded(height * width)
    a = Planes(builder.claim(channels * plane), channels, height, width, width, plane)
    _emit(builder, "copy_planes", layer.name, x, a)
    numbers, pixels = prod(x.shape), (a.start, 0, 0, plane, 0)
    builder.emit(
        "softmax_abreast_forward", layer.name, f"{numbers}", numbers, 2 * numbers,
        x=pixels, y=pixels, inputs=channels, outputs=channels, rows=1, columns=plane // PAD,
    )  # fmt: skip
    return a


def _normalization(
    builder: Builder, layer: BatchNormalization | LayerNormalization, x: Planes | Rows, rim: int, relu: bool
) -> Planes | Rows:
    running = isinstance(layer, BatchNormalization)
    a = x if x.spare else _like(builder, x)
    fields = {"w": builder.parameters_of(layer.name).start, "number": EPSILON, "relu": relu}
    if running:
        fields["sums"] = builder.state_of(layer.name).start
    _emit_of(builder, "batch_norm_predict" if running else "layer_norm_predict", layer.name, 4, x, a, **fields)
    return a


def _like(builder: Builder, x: Planes | Rows) -> Planes | Rows:
    """A new tensor of the same shape, whose rows of pixels are as far apart."""
    if isinstance(x, Rows):
        return builder.rows(x.width, spare=True)
    return replace(x, start=builder.claim(x.channels * x.plane + PAD), spare=True)


def _emit_of(
    builder: Builder, kernel: str, layer: str, arithmetic: int, x: Planes | Rows, a: Planes | Rows, **fields: Any
) -> None:
    """A kernel that leaves the shape as it is, with so much arithmetic for each number."""
    if isinstance(x, Planes) and isinstance(a, Planes):
        _emit(builder, kernel, layer, x, a, arithmetic=arithmetic * prod(x.shape), **fields)
    elif isinstance(x, Rows):
        numbers = arithmetic * x.width
        builder.emit(
            kernel, layer, f"{x.width}", numbers, 2 * x.width, x=x.place, y=a.place, **size_of(x), **fields
        )  # fmt: skip


def _residual(builder: Builder, layer: Residual, x: Planes | Rows, rim: int, relu: bool) -> Planes | Rows:
    kept = replace(x, spare=False)  # both ways read x, so neither may write over it
    ways = [_row(builder, part, kept) for part in (layer.layers, layer.shortcut)]
    y: Planes | Rows = next((way for way in ways if way.spare), None) or _like(builder, kept)
    kernel = "add_planes" if isinstance(x, Planes) else "add"
    _emit_of(builder, kernel, layer.name, 1, ways[0], y, kept=ways[1].place)
    return y


def _identity(builder: Builder, layer: Identity, x: Planes | Rows, rim: int, relu: bool) -> Planes | Rows:
    return x


Rule = Callable[[Builder, Any, Any, int, bool], Any]  # with the rim that the next layer needs, and whether ReLU follows
RULES: dict[type[Layer], Rule] = {  # all others are elementwise
    Convolution: _convolution,
    MaxPooling: _pooling,
    AveragePooling: _pooling,
    GlobalAveragePooling: _global_average,
    Flatten: _flatten,
    Dense: _dense,
    BatchNormalization: _normalization,
    LayerNormalization: _normalization,
    Residual: _residual,
    Identity: _identity,
}
