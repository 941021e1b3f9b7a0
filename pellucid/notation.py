"""An architecture in one line, as the literature writes it: "784-128-64-10" <-> layers.

    architecture = input "-" item { "-" item }
    input        = INT | "*"                       so many numbers · "*": from the data
    item         = ( INT | "*" ) [ ":" ACTIVATION ]  a dense layer · "*": as many outputs as there are classes
                 | "D" FLOAT | "N" FLOAT           dropout at this rate · Gaussian noise of this deviation

Every dense layer but the last is followed by the hidden activation; `:name` replaces it, `:linear` leaves it out.
Dropout and noise stand where they act: 784-D0.2-128-D0.5-10 drops pixels, and outputs of the ReLU behind the 128.
Ciresan, Meier, Gambardella, Schmidhuber write networks so: "Deep, big, simple neural nets for handwritten digit
recognition", 2010.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from pellucid.errors import UsageError
from pellucid.layers import Activation, Dense, Dropout, GaussianNoise, Layer, ReLU, Shape, activation

LARGEST = 1_000_000  # units in a layer; a longer number is a slip of the hand
LETTERS: dict[str, Callable[[float], Layer]] = {"D": Dropout, "N": GaussianNoise}


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
    last = max((number for number, item in enumerate(items) if number and item[:1] not in LETTERS), default=0)
    if not last:
        raise _error(text, position, "At least one dense layer is expected, such as 10: nothing here could learn.")
    layers: list[Layer] = []
    for number, item in enumerate(items[1:], start=1):
        size, colon, name = item.partition(":")
        if size[:1] in LETTERS:
            layers.append(_lettered(text, position, size, colon))
        else:
            layers.append(Dense(_size(text, position, size, classes, "the data set to take the classes from")))
            if colon or number != last:
                layers += _activation(text, position + len(size) + 1, name if colon else hidden)
        position += len(item) + 1
    return (input_size,), layers


def write(input_shape: Shape, layers: Sequence[Layer]) -> str:
    """The architecture of these layers; `parse` gives the same layers back.

    Raises:
        UsageError: the layers cannot be written in the notation.
    """
    items = ["x".join(str(length) for length in input_shape)]
    last = max((number for number, layer in enumerate(layers) if isinstance(layer, Dense)), default=None)
    if last is None:
        raise UsageError("A network without a dense layer cannot be written in the notation.")
    for number, (layer, after) in enumerate(zip(layers, [*layers[1:], None], strict=True)):
        if isinstance(layer, Dense):
            items.append(layer.notation() + _suffix(after, is_last=number == last))
        elif not isinstance(layer, Activation):
            items.append(layer.notation())
        elif number == 0 or not isinstance(layers[number - 1], Dense):
            raise UsageError(f"{layer.name} does not follow a dense layer, which the notation cannot write.")
    return "-".join(items)


def _suffix(after: Layer | None, is_last: bool) -> str:
    """What stands behind a dense layer for the layer that follows it; nothing where that is what is expected."""
    if isinstance(after, Activation):
        return "" if isinstance(after, ReLU) and not is_last else f":{after.notation()}"
    return "" if is_last else ":linear"


def _size(text: str, position: int, item: str, meaning: int | None, source: str) -> int:
    if item == "*":
        if meaning is None:
            raise _error(text, position, f"'*' needs {source}.")
        return meaning
    if not item.isascii() or not item.isdigit():
        expected = "a number of units is expected, '*', or D or N with a number, such as D0.5"
        raise _error(text, position, f"Here {expected}.")
    if not 1 <= int(item[:20]) <= LARGEST:
        raise _error(text, position, f"A layer has 1 to {LARGEST:,} units.")
    return int(item)


def _lettered(text: str, position: int, item: str, colon: str) -> Layer:
    """The layer that a letter and a number stand for, such as D0.5."""
    letter, number = item[0], item[1:]
    if not re.fullmatch(r"[0-9]+\.?[0-9]*|\.[0-9]+", number, re.ASCII):
        raise _error(text, position + 1, f"{letter} is followed by a number, such as {letter}0.5.")
    if colon:
        raise _error(text, position + len(item), f"{item} is followed by no activation; dense layers are.")
    try:
        return LETTERS[letter](float(number))
    except UsageError as error:
        raise _error(text, position + 1, str(error)) from None


def _activation(text: str, position: int, name: str) -> list[Layer]:
    if name == "linear":
        return []
    try:
        return [activation(name)]
    except UsageError as error:
        raise _error(text, position, str(error)) from None


def _error(text: str, position: int, message: str) -> UsageError:
    return UsageError(f"{message}\n  {text}\n  {' ' * position}^")
