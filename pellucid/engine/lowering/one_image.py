"""From a network to the plan of a prediction of few examples, whose parameters are read from theta, as they lie there.

Images come one by one, in planes (see kernels/predict.h); a layer that reads images has a function here, or the network
is predicted as many images are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np

from pellucid.engine.lowering.builder import Builder
from pellucid.engine.lowering.layers import elementwise
from pellucid.engine.lowering.network import gather, reads_images
from pellucid.engine.lowering.rule import RULE
from pellucid.engine.lowering.sequence import LAYERS, undisturbed
from pellucid.engine.plan import PAD, Place, Plan, Rows, padded
from pellucid.layers import Layer
from pellucid.layers.activation import Activation, Identity, ReLU, Softmax
from pellucid.layers.convolution import Convolution
from pellucid.layers.dense import Dense
from pellucid.layers.pooling import MaxPooling
from pellucid.layers.reshape import Flatten

MOST_EXAMPLES = 16  # that are predicted so, at a time


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

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.channels, self.height, self.width

    @property
    def place(self) -> Place:
        return self.within(0)

    def within(self, padding: int) -> Place:
        """Where it begins with so much of its rim."""
        return (self.start + (self.rim - padding) * (self.row + 1), 0, 0, self.plane, self.row)


def lower_few(layers: Sequence[Layer], link: Activation) -> Plan | None:
    """The plan of a prediction of few examples, through the output link; None where a layer has no kernel for it."""
    images, layers = reads_images(layers), [*undisturbed(layers), link]
    builder = Builder(layers, np.zeros(1, RULE)[0], 1 if images else MOST_EXAMPLES, 0, training=False, packed=False)
    x: Any = _gather(builder, layers) if images else gather(builder, layers, sparse=False, abreast=False)
    while layers:
        layer, *layers = layers
        rule = _rule_for(layer, x)
        if rule is None:
            return None
        relu = isinstance(layer, Convolution) and isinstance(layers[0], ReLU)
        layers = layers[relu:]
        x = rule(builder, layer, x, _rim(layers), relu)
    return builder.plan


Rule = Callable[[Builder, Any, Any, int, bool], Any]  # with the rim that the next layer needs, and whether ReLU follows


def _rule_for(layer: Layer, x: Any) -> Rule | None:
    """The function that writes the layer's kernel, for rows or planes."""
    if type(layer) in RULES:
        return RULES[type(layer)]
    planes = isinstance(x, Planes) and isinstance(layer, Softmax)  # whose numbers are not neighbours
    return _elementwise if type(layer) in LAYERS and isinstance(layer, Activation) and not planes else None


def _rim(layers: Sequence[Layer]) -> int:
    """The zeros that the first of these layers wants around an image."""
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


def _max_pooling(builder: Builder, layer: MaxPooling, x: Planes, rim: int, relu: bool) -> Planes:
    maps, rows, columns = layer.output_shape
    a = _planes(builder, (maps, rows, columns), rim)
    arithmetic, window = layer.side**2 * prod(a.shape), {"side": layer.side, "stride": layer.stride}
    _emit(builder, "max_pool_predict", layer.name, x, a, arithmetic=arithmetic, **window)
    return a


def _flatten(builder: Builder, layer: Flatten, x: Planes | Rows, rim: int, relu: bool) -> Rows:
    if isinstance(x, Rows):
        return x
    if x.plane > x.height * x.width:
        x = _copied(builder, layer.name, x, 0)
    return Rows(x.start, prod(x.shape), spare=True)


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
    if isinstance(x, Planes):
        a: Any = elementwise(builder, layer, Rows(x.start, x.channels * x.plane, spare=True))[0]
        builder.claim(PAD)  # behind it, as behind every image
        return replace(x, start=a.start)
    return Rows(elementwise(builder, layer, x)[0].start, x.width, spare=True)


def _identity(builder: Builder, layer: Identity, x: Planes | Rows, rim: int, relu: bool) -> Planes | Rows:
    return x


RULES: dict[type[Layer], Rule] = {
    Convolution: _convolution,
    MaxPooling: _max_pooling,
    Flatten: _flatten,
    Dense: _dense,
    Identity: _identity,
}
