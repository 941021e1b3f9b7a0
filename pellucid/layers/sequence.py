"""Layers in a row: their names and shapes, and the two passes through them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from pellucid.errors import ShapeError, UsageError
from pellucid.layers.layer import Array, Layer, Numbers, Shape
from pellucid.randomness import Draws


def walk(layers: Iterable[Layer]) -> Iterator[Layer]:
    """All layers, each followed by those inside it."""
    for layer in layers:
        yield layer
        yield from walk(layer.parts)


def connect(layers: Sequence[Layer], shape: Shape, owner: str = "") -> Shape:
    """Name the layers, let the shapes run through them, and return the last one; `owner` is what they are inside.

    Raises:
        UsageError: something that is no layer, or stands elsewhere too.
        ShapeError: a layer cannot read what those before it leave; with the whole way that led there.
    """
    path, source = f"{owner or 'input'} {shape}", f"{owner} reads" if owner else "the input has"
    count: Counter[str] = Counter()
    for layer in layers:
        if not isinstance(layer, Layer):
            remedy = f"Write {layer.__name__}()." if isinstance(layer, type) else "Write pl.Dense(10), pl.ReLU() ..."
            raise UsageError(f"A network is a list of layers, but {layer!r} is none. {remedy}")
        if layer.numbers is not None:
            raise UsageError(f"{layer.name} stands in a network already; make a new layer for each place.")
        count[layer.kind] += 1
        layer.name = (owner and f"{owner}.") + f"{layer.kind}{count[layer.kind]}"
        layer.input_shape, layer.source = shape, source
        try:
            layer.output_shape = layer.build(shape)
        except ShapeError as error:
            what, *remedies = map(str.strip, str(error).split("\n"))
            raise ShapeError("\n  ".join([what, f"{path} → {layer.name}   ← here", *remedies])) from None
        path += f" → {layer.name}"
        if layer.output_shape != shape:
            shape, source = layer.output_shape, f"{layer.name} leaves"
            path += f" {shape}"
    for name, places in Counter(layer.name for layer in walk(layers)).items():
        if places > 1:  # names are made for each place, so it is the same layer
            raise UsageError(f"{name} stands in the network {places} times; make a new layer for each place.")
    return shape


def forward(layers: Sequence[Layer], numbers: Sequence[Numbers], x: Array, random: Draws | None) -> Array:
    """What the last layer makes of x; in a training pass the layers draw from `random`, which others do not have."""
    for layer, t in zip(layers, numbers, strict=True):
        t.random = random.of(t.index) if random else None
        setattr(t, layer.input, x)
        layer.forward(t)
        x = getattr(t, layer.output)
    return x


def backward(layers: Sequence[Layer], numbers: Sequence[Numbers], gradient: Array, first: int = -1) -> Array:
    """Carry the gradient of the last layer's output back to the input; each layer leaves those of its parameters.

    With `first`, the way back ends at the layer of that index, and the gradient of its input is not computed.
    """
    for index in reversed(range(max(first, 0), len(layers))):
        layer, t = layers[index], numbers[index]
        t.needs_dx = index > first
        setattr(t, "d" + layer.output, gradient)
        layer.backward(t)
        if t.needs_dx:
            gradient = getattr(t, "d" + layer.input)
    return gradient
