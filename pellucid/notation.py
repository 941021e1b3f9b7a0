"""An architecture in one line, as the literature writes it: "784-128-64-10" <-> layers.

    architecture = input "-" item { "-" item }
    input        = INT | "*"                       so many numbers · "*": from the data
    item         = ( INT | "*" ) [ ":" ACTIVATION ]  a dense layer · "*": as many outputs as there are classes

Every dense layer but the last is followed by the hidden activation; `:name` replaces it, `:linear` leaves it out.
Ciresan, Meier, Gambardella, Schmidhuber write networks so: "Deep, big, simple neural nets for handwritten digit
recognition", 2010.
"""

from __future__ import annotations

from collections.abc import Sequence

from pellucid.errors import UsageError
from pellucid.layers import Activation, Dense, Layer, ReLU, Shape, activation

LARGEST = 1_000_000  # units in a layer; a longer number is a slip of the hand


def parse(
    text: str, hidden: str = "relu", features: int | None = None, classes: int | None = None
) -> tuple[Shape, list[Layer]]:
    """The input shape and the layers of an architecture.

    Args:
        text: the architecture.
        hidden: activation after each dense layer but the last, by name.
        features: what "*" means as input.
        classes: what "*" means as a layer.

    Raises:
        UsageError: the text does not follow the notation; the message points at the character.
    """
    if hidden != "linear":
        activation(hidden)
    items = text.split("-")
    if len(items) < 2:
        raise _error(text, 0, "An architecture has an input and at least one layer, such as 784-128-10.")
    position = len(items[0]) + 1
    input_size = _size(text, 0, items[0], features, "the data set to take the input size from")
    layers: list[Layer] = []
    for number, item in enumerate(items[1:], start=1):
        size, colon, name = item.partition(":")
        layers.append(Dense(_size(text, position, size, classes, "the data set to take the classes from")))
        if colon or number < len(items) - 1:
            layers += _activation(text, position + len(size) + 1, name if colon else hidden)
        position += len(item) + 1
    return (input_size,), layers


def write(input_shape: Shape, layers: Sequence[Layer]) -> str:
    """The architecture of these layers; `parse` gives the same layers back.

    Raises:
        UsageError: the layers cannot be written in the notation.
    """
    items = ["x".join(str(length) for length in input_shape)]
    for before, layer, after in zip([None, *layers[:-1]], layers, [*layers[1:], None], strict=True):
        if not isinstance(layer, Activation):
            items.append(layer.notation() + _suffix(after, ends=after is layers[-1]))
        elif before is None or isinstance(before, Activation):
            raise UsageError(f"{layer.name} does not follow a dense layer, which the notation cannot write.")
    return "-".join(items)


def _suffix(after: Layer | None, ends: bool) -> str:
    """What stands behind a layer for the layer that follows it; a network seldom ends with an activation."""
    if after is None or (isinstance(after, ReLU) and not ends):
        return ""
    return f":{after.notation()}" if isinstance(after, Activation) else ":linear"


def _size(text: str, position: int, item: str, meaning: int | None, source: str) -> int:
    if item == "*":
        if meaning is None:
            raise _error(text, position, f"'*' needs {source}.")
        return meaning
    if not item.isascii() or not item.isdigit():
        raise _error(text, position, "Here a number of units is expected, or '*'.")
    if not 1 <= int(item[:20]) <= LARGEST:
        raise _error(text, position, f"A layer has 1 to {LARGEST:,} units.")
    return int(item)


def _activation(text: str, position: int, name: str) -> list[Layer]:
    if name == "linear":
        return []
    try:
        return [activation(name)]
    except UsageError as error:
        raise _error(text, position, str(error)) from None


def _error(text: str, position: int, message: str) -> UsageError:
    return UsageError(f"{message}\n  {text}\n  {' ' * position}^")
